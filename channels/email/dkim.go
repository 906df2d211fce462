package email

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emersion/go-msgauth/dkim"

	"enishi"
)

// Key is a DKIM key (RFC 6376; RFC 8463 for Ed25519).
type Key struct {
	Domain   string // d=, small letters
	Selector string // s=
	signer   crypto.Signer
}

// Record is the TXT record that receivers read the public key from.
func (k *Key) Record() (name, value string, err error) {
	switch public := k.signer.Public().(type) {
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return "", "", fmt.Errorf("write the public key of %s: %w", k.Domain, err)
		}
		value = "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	case ed25519.PublicKey:
		value = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	}
	return k.Selector + between + k.Domain, value, nil
}

// between stands between the selector and the domain, in DNS and in the name of a key's file.
const between = "._domainkey."

// rsaBits is what every receiver takes and what still fits into one record.
const rsaBits = 2048

// GenerateKeys makes an RSA key and an Ed25519 key for a domain in dir: files SELECTOR-rsa._domainkey.DOMAIN.pem and
// SELECTOR-ed._domainkey.DOMAIN.pem. A file that is there is kept and read: to change keys, choose another selector.
func GenerateKeys(dir, domain, selector string) ([]Key, error) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if !strings.Contains(domain, ".") || !isDomain(domain) {
		return nil, enishi.FieldError("domain", "the domain is written like shop.example", "ドメインは shop.example のように書いてください")
	}
	if !isDomain(selector) {
		return nil, enishi.FieldError("selector", "a selector has letters, digits and - only", "セレクターは英数字と - だけにしてください")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make DKIM keys: %w", err)
	}
	var out []Key
	for _, kind := range [...]string{"rsa", "ed"} {
		path := filepath.Join(dir, selector+"-"+kind+between+domain+".pem")
		if err := makeKey(path, kind); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("make DKIM key: %w", err)
		}
		k, err := readKey(path)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func makeKey(path, kind string) error {
	var key any
	var err error
	if kind == "rsa" {
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	} else {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return errors.Join(err, f.Sync(), f.Close())
}

// ReadKeys reads the keys of a folder, ordered by name. Other files are ignored.
func ReadKeys(dir string) ([]Key, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+between+"*.pem"))
	if err != nil {
		return nil, fmt.Errorf("read DKIM keys: %w", err)
	}
	if len(paths) == 0 {
		return nil, enishi.FieldError("dkim", "there are no DKIM keys in "+dir+": make them with enishi dkim generate",
			dir+" に DKIM の鍵がありません。enishi dkim generate で作成してください")
	}
	slices.Sort(paths)
	var out []Key
	for _, path := range paths {
		k, err := readKey(path)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func readKey(path string) (Key, error) {
	selector, domain, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".pem"), between)
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("read DKIM key: %w", err)
	}
	unreadable := func(err error) error {
		e := enishi.FieldError("dkim", filepath.Base(path)+" holds no RSA key of 1024 bits or more and no Ed25519 key in PEM",
			filepath.Base(path)+" は PEM 形式の RSA（1024 ビット以上）または Ed25519 の秘密鍵ではありません")
		e.Err = err
		return e
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return Key{}, unreadable(nil)
	}
	k := Key{Domain: strings.ToLower(domain), Selector: selector}
	if block.Type == "RSA PRIVATE KEY" { // as openssl and opendkim-genkey wrote it
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return k, unreadable(err)
		}
		k.signer = key
		return k, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return k, unreadable(err)
	}
	switch key := parsed.(type) {
	case *rsa.PrivateKey:
		k.signer = key
	case ed25519.PrivateKey:
		k.signer = key
	default:
		return k, unreadable(nil)
	}
	return k, nil
}

// keysFor are the keys that sign for a domain: its own, else those of the domain above it, which DMARC takes too.
func keysFor(keys []Key, domain string) []Key {
	for d := strings.ToLower(domain); strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		own := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.Domain != d })
		if len(own) > 0 && Aligned(d, domain) {
			return own
		}
	}
	return nil
}

// sealed are fields that are signed once more than they stand in the mail: nobody can add another one on the way.
var sealed = [...]string{"From", "To", "Subject", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"}

// sign gives the signatures of a mail, one field for each key. They are made of the bytes that leave, fields folded as they
// are, so what is hashed is what is read. Every field is signed.
func (c *Channel) sign(mail []byte) (string, error) {
	if len(c.keys) == 0 {
		return "", nil
	}
	names := append(fieldNames(mail), sealed[:]...)
	var b strings.Builder
	for i := range c.keys {
		k := &c.keys[i]
		s, err := dkim.NewSigner(&dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.signer, HeaderKeys: names,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed})
		if err != nil {
			return "", fmt.Errorf("sign by DKIM: %w", err)
		}
		_, err = s.Write(mail)
		if err = errors.Join(err, s.Close()); err != nil {
			return "", fmt.Errorf("sign by DKIM: %w", err)
		}
		b.WriteString(s.Signature())
	}
	return b.String(), nil
}

// fieldNames are the names of the header's fields in their order.
func fieldNames(mail []byte) []string {
	var out []string
	for line := range strings.SplitSeq(string(mail[:headerEnd(mail)]), "\r\n") {
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, _, _ := strings.Cut(line, ":")
		out = append(out, name)
	}
	return out
}

// headerEnd is where the empty line after the header begins.
func headerEnd(mail []byte) int {
	for i := 0; i+3 < len(mail); i++ {
		if mail[i] == '\r' && mail[i+1] == '\n' && mail[i+2] == '\r' && mail[i+3] == '\n' {
			return i + 2
		}
	}
	return len(mail)
}
