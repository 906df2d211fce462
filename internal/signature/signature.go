// Package signature makes and checks the signatures by which systems know that a call is genuine: HMAC-SHA256 in the spellings that there are.
// What is compared is compared in the same time wherever it differs.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Sum is the HMAC-SHA256 of parts, one after the other.
func Sum(key []byte, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// Genuine tells whether one of given is the sum of parts by one of keys. All of them are compared.
func Genuine(keys, given [][]byte, parts ...[]byte) bool {
	ok := false
	for _, key := range keys {
		want := Sum(key, parts...)
		for _, g := range given {
			if hmac.Equal(want, g) {
				ok = true
			}
		}
	}
	return ok
}

// Base64 reads a signature in base64; nil when it is none.
func Base64(value string) [][]byte {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	if err != nil || len(b) != sha256.Size {
		return nil
	}
	return [][]byte{b}
}

// Hex reads a hexadecimal signature, with "sha256=" before it or without; nil when it is none.
func Hex(value string) [][]byte {
	b, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(value), "sha256="))
	if err != nil || len(b) != sha256.Size {
		return nil
	}
	return [][]byte{b}
}

// maxSignatures is what is looked at of a header with many.
const maxSignatures = 8

// Standard reads the header webhook-signature of Standard Webhooks, "v1,BASE64 v1,BASE64"; other versions are passed over.
// See https://github.com/standard-webhooks/standard-webhooks.
func Standard(header string) [][]byte {
	var out [][]byte
	for field := range strings.FieldsSeq(header) {
		version, value, ok := strings.Cut(field, ",")
		if !ok || version != "v1" || len(out) == maxSignatures {
			continue
		}
		out = append(out, Base64(value)...)
	}
	return out
}

var dot = []byte{'.'}

// StandardParts are what is signed of a call of Standard Webhooks. stamp is its time in seconds of the Unix clock, as the header has it.
func StandardParts(id, stamp string, body []byte) [][]byte {
	return [][]byte{[]byte(id), dot, []byte(stamp), dot, body}
}

// SignStandard is the header webhook-signature of a call, by each key.
func SignStandard(keys [][]byte, id string, at time.Time, body []byte) string {
	var out []string
	for _, key := range keys {
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(Sum(key, StandardParts(id, strconv.FormatInt(at.Unix(), 10), body)...)))
	}
	return strings.Join(out, " ")
}
