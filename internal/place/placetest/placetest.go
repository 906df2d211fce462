// Package placetest has servers of files for tests: SFTP and S3.
package placetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// Key makes the key of a server.
func Key(t *testing.T) ssh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// S3 starts a server with one empty bucket and gives its URL; it takes any key.
func S3(t *testing.T, bucket string) string {
	t.Helper()
	files := s3mem.New()
	if err := files.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(gofakes3.New(files, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(s.Close)
	return s.URL
}

// SFTP starts a server with the user house, whose password is secret, and gives its address.
func SFTP(t *testing.T, key ssh.Signer) string {
	t.Helper()
	cfg := &ssh.ServerConfig{PasswordCallback: func(c ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
		if c.User() == "house" && string(password) == "secret" {
			return nil, nil
		}
		return nil, errors.New("refused")
	}}
	cfg.AddHostKey(key)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, channels, requests, err := ssh.NewServerConn(raw, cfg)
				if err != nil {
					raw.Close()
					return
				}
				go ssh.DiscardRequests(requests)
				for c := range channels {
					ch, requests, err := c.Accept()
					if err != nil {
						return
					}
					go func() {
						for r := range requests {
							_ = r.Reply(r.Type == "subsystem", nil)
						}
					}()
					if server, err := sftp.NewServer(ch); err == nil {
						go server.Serve()
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
