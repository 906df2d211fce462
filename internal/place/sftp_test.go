package place

import (
	"testing"

	"golang.org/x/crypto/ssh"

	"enishi/internal/place/placetest"
)

// TestSFTPTrusts: only a server that shows the key that is known, and only a user whom it takes.
func TestSFTPTrusts(t *testing.T) {
	t.Parallel()
	signer := placetest.Key(t)
	x := SFTP{Addr: placetest.SFTP(t, signer), User: "house", Password: "secret", HostKey: string(ssh.MarshalAuthorizedKey(signer.PublicKey())), Folder: t.TempDir()}
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
	bad.HostKey = string(ssh.MarshalAuthorizedKey(placetest.Key(t).PublicKey()))
	if list(bad) == nil {
		t.Error("a server with another key was trusted")
	}
	bad = x
	bad.Password = "guess"
	if list(bad) == nil {
		t.Error("a wrong password was taken")
	}
}
