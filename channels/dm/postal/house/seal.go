package house

import (
	"archive/zip"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"time"
	"unicode/utf8"

	"filippo.io/age"

	"enishi"
)

// Seal says how a file is encrypted for the way to the house. Its secrets belong in the configuration file, not in a definition.
//
// age (https://age-encryption.org) is the better lock: a key of the house's own, nothing to be told by phone. Most houses in Japan
// ask for a zip with a password: then it is AES-256 (WinZip's AE-2, which 7-Zip, WinZip, Explzh and macOS' Archive Utility with
// The Unarchiver read), never the old ZipCrypto, which is broken. The password goes another way than the file.
type Seal struct {
	Kind       string   // none, zip or age; none when empty
	Password   string   // of zip and of age without recipients; 12 characters at least
	Recipients []string // of age: the house's public keys, age1...
}

// Extension is what the sealed file's name ends with after its own: "", ".zip" or ".age".
func (s *Seal) Extension() string {
	switch s.Kind {
	case "zip", "age":
		return "." + s.Kind
	}
	return ""
}

const minPassword = 12

// Check says what is missing.
func (s *Seal) Check() error {
	if !in(s.Kind, []string{"", "none", "zip", "age"}) {
		return choice("kind", s.Kind, []string{"none", "zip", "age"})
	}
	if s.Kind == "zip" || s.Kind == "age" && len(s.Recipients) == 0 {
		if n := utf8.RuneCountInString(s.Password); n < minPassword {
			return enishi.FieldError("password", fmt.Sprintf("a password of %d characters at least is needed", minPassword), fmt.Sprintf("パスワードは %d 文字以上にしてください", minPassword))
		}
	}
	for i, r := range s.Recipients {
		if _, err := age.ParseX25519Recipient(r); err != nil {
			return enishi.FieldError(fmt.Sprintf("recipients[%d]", i), "no public key of age (age1...)", "age の公開鍵(age1...)ではありません")
		}
	}
	return nil
}

// To gives a writer that seals one file into w; the file is whole once it is closed. w itself stays open.
func (s *Seal) To(w io.Writer, name string, modified time.Time) (io.WriteCloser, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	switch s.Kind {
	case "zip":
		return newZip(w, name, s.Password, modified)
	case "age":
		var to []age.Recipient
		for _, r := range s.Recipients {
			x, err := age.ParseX25519Recipient(r)
			if err != nil {
				return nil, fmt.Errorf("read a recipient: %w", err)
			}
			to = append(to, x)
		}
		if len(to) == 0 {
			x, err := age.NewScryptRecipient(s.Password)
			if err != nil {
				return nil, fmt.Errorf("make the key: %w", err)
			}
			to = append(to, x)
		}
		return age.Encrypt(w, to...)
	}
	return plainFile{w}, nil
}

type plainFile struct{ io.Writer }

func (plainFile) Close() error { return nil }

// sealed is a zip of one file, encrypted by WinZip's AE-2 (https://www.winzip.com/en/support/aes-encryption/): AES-256 in counter
// mode, authenticated by HMAC-SHA1, keys by PBKDF2 with 1,000 rounds.
type sealed struct {
	zip     *zip.Writer
	head    *zip.FileHeader
	deflate *flate.Writer
	enc     *counter
	plain   uint64
}

const (
	methodAES = 99
	saltSize  = 16
	macSize   = 10
)

func newZip(w io.Writer, name, password string, modified time.Time) (io.WriteCloser, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return nil, fmt.Errorf("draw a salt: %w", err)
	}
	keys, err := pbkdf2.Key(sha1.New, password, salt, 1000, 66)
	if err != nil {
		return nil, fmt.Errorf("make the key: %w", err)
	}
	block, err := aes.NewCipher(keys[:32])
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	head := &zip.FileHeader{Name: name, Method: methodAES, Flags: 0x1 | 0x8, Modified: modified}
	head.CreatorVersion, head.ReaderVersion = 51, 51
	head.Extra = []byte{0x01, 0x99, 7, 0, 2, 0, 'A', 'E', 3, byte(zip.Deflate), 0}
	z := zip.NewWriter(w)
	raw, err := z.CreateRaw(head)
	if err != nil {
		return nil, fmt.Errorf("begin the zip: %w", err)
	}
	if _, err := raw.Write(append(salt, keys[64:]...)); err != nil {
		return nil, fmt.Errorf("write the zip: %w", err)
	}
	enc := &counter{w: raw, block: block, mac: hmac.New(sha1.New, keys[32:64]), used: aes.BlockSize}
	d, err := flate.NewWriter(enc, flate.DefaultCompression)
	if err != nil {
		return nil, fmt.Errorf("begin the zip: %w", err)
	}
	return &sealed{zip: z, head: head, deflate: d, enc: enc}, nil
}

// Write compresses and encrypts.
func (s *sealed) Write(p []byte) (int, error) {
	s.plain += uint64(len(p))
	return s.deflate.Write(p)
}

// Close writes the rest, the authentication code, and the directory.
func (s *sealed) Close() error {
	if err := s.deflate.Close(); err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	if _, err := s.enc.w.Write(s.enc.mac.Sum(nil)[:macSize]); err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	s.head.UncompressedSize64, s.head.CompressedSize64 = s.plain, s.enc.n+saltSize+2+macSize
	s.head.UncompressedSize, s.head.CompressedSize = uint32(min(s.head.UncompressedSize64, 1<<32-1)), uint32(min(s.head.CompressedSize64, 1<<32-1)) // the writer takes these as they are
	if err := s.zip.Close(); err != nil {
		return fmt.Errorf("write the zip: %w", err)
	}
	return nil
}

// counter is AES in the counter mode of AE-2: the counter is little-endian and begins with 1.
type counter struct {
	w     io.Writer
	block cipher.Block
	mac   hash.Hash
	in    [aes.BlockSize]byte
	key   [aes.BlockSize]byte
	used  int
	n     uint64
	buf   []byte
}

// Write encrypts and authenticates.
func (c *counter) Write(p []byte) (int, error) {
	c.buf = append(c.buf[:0], p...)
	for i := range c.buf {
		if c.used == aes.BlockSize {
			binary.LittleEndian.PutUint64(c.in[:], binary.LittleEndian.Uint64(c.in[:])+1)
			c.block.Encrypt(c.key[:], c.in[:])
			c.used = 0
		}
		c.buf[i] ^= c.key[c.used]
		c.used++
	}
	c.mac.Write(c.buf)
	c.n += uint64(len(c.buf))
	return c.w.Write(c.buf)
}
