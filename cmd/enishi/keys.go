package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Keys are the secrets of the instance. Losing Identifiers makes every profile a stranger; all replicas share the file, and
// it is no part of a backup of the data.
type Keys struct {
	Identifiers []byte `json:"identifiers"` // of the identifiers' HMAC; never changes
	Links       []byte `json:"links"`       // signs tracking and unsubscribe links
	Sessions    []byte `json:"sessions"`    // signs console sessions
	Engine      string `json:"engine"`      // token of the embedded engine's HTTP address
	LINESecret  string `json:"line_secret"` // of the LINE simulator
	Demo        string `json:"demo"`        // write key of the demo shop's storefront
}

// OpenKeys reads the keys file, or makes one when it is missing and create is set.
func OpenKeys(path string, create bool) (*Keys, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && create {
		return makeKeys(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	k := &Keys{}
	if err := json.Unmarshal(text, k); err != nil {
		return nil, fmt.Errorf("read keys %s: %w", path, err)
	}
	if len(k.Identifiers) != 32 || len(k.Links) != 32 || len(k.Sessions) != 32 {
		return nil, fmt.Errorf("read keys %s: a key is missing or not 32 bytes; restore the file from your copy", path)
	}
	return k, nil
}

func makeKeys(path string) (*Keys, error) {
	random := func() []byte {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails (crypto/rand ends the process instead)
		return b
	}
	k := &Keys{Identifiers: random(), Links: random(), Sessions: random(), Engine: rand.Text(), LINESecret: rand.Text(), Demo: "wk_" + rand.Text()}
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode keys: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	return k, nil
}
