package postal

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// TestSFTP: files reach a server that shows the key that is known, and no other.
func TestSFTP(t *testing.T) {
	t.Parallel()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	addr := serveSFTP(t, signer)
	x := &SFTP{Addr: addr, User: "house", Password: "secret", HostKey: string(ssh.MarshalAuthorizedKey(signer.PublicKey())), Dir: dir}
	for range 2 { // again: it takes the place of the first
		to, err := dial(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if err := to.put("a.csv", strings.NewReader(strings.Repeat("x", 100_000))); err != nil {
			t.Fatal(err)
		}
		to.close()
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 || list[0].Name() != "a.csv" {
		t.Errorf("%v", list)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := ssh.NewSignerFromKey(other)
	if err != nil {
		t.Fatal(err)
	}
	bad := *x
	bad.HostKey = string(ssh.MarshalAuthorizedKey(wrong.PublicKey()))
	if _, err := dial(t.Context(), &bad); err == nil {
		t.Error("a server with another key was trusted")
	}
	bad = *x
	bad.Password = "guess"
	if _, err := dial(t.Context(), &bad); err == nil {
		t.Error("a wrong password was taken")
	}
}

// serveSFTP is a server with one user.
func serveSFTP(t *testing.T, key ssh.Signer) string {
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
