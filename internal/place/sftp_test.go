package place

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"net"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

func newKey(t *testing.T) ssh.Signer {
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

// TestSFTPTrusts: only a server that shows the key that is known, and only a user whom it takes.
func TestSFTPTrusts(t *testing.T) {
	t.Parallel()
	signer := newKey(t)
	x := SFTP{Addr: serveSFTP(t, signer), User: "house", Password: "secret", HostKey: string(ssh.MarshalAuthorizedKey(signer.PublicKey())), Folder: t.TempDir()}
	list := func(x SFTP) error {
		p, err := Open(Config{SFTP: &x})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.List(t.Context(), "*")
		return err
	}
	if err := list(x); err != nil {
		t.Fatal(err)
	}
	bad := x
	bad.HostKey = string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey()))
	if list(bad) == nil {
		t.Error("a server with another key was trusted")
	}
	bad = x
	bad.Password = "guess"
	if list(bad) == nil {
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
