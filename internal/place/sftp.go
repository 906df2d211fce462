package place

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"enishi"
)

const dialTime = 20 * time.Second

// server is an SFTP server.
type server struct {
	conn   *ssh.Client
	client *sftp.Client
	dir    string
	stop   func() bool // the watch of the context
}

// login is what is checked before anything connects.
type login struct {
	auth []ssh.AuthMethod
	host ssh.PublicKey
}

func (x *SFTP) check() (*login, error) {
	if _, _, err := net.SplitHostPort(x.Addr); err != nil {
		return nil, enishi.FieldError("sftp", "is HOST:PORT, such as sftp.example.jp:22", "sftp は sftp.example.jp:22 のように書いてください")
	}
	host, _, _, _, err := ssh.ParseAuthorizedKey([]byte(x.HostKey))
	if err != nil {
		return nil, enishi.FieldError("host_key", "is a line such as ssh-ed25519 AAAA...: ask whoever runs the server, or ssh-keyscan", "host_key は ssh-ed25519 AAAA... のように書いてください（サーバーの管理者に聞くか、ssh-keyscan で調べられます）")
	}
	if len(x.Key) == 0 {
		return &login{[]ssh.AuthMethod{ssh.Password(x.Password)}, host}, nil
	}
	signer, err := ssh.ParsePrivateKey(x.Key)
	if err != nil {
		return nil, enishi.FieldError("key", "is no private key in PEM", "key は PEM 形式の秘密鍵にしてください")
	}
	return &login{[]ssh.AuthMethod{ssh.PublicKeys(signer)}, host}, nil
}

// dial connects to a server that shows the key that is expected of it. The connection ends with ctx.
func dial(ctx context.Context, x *SFTP, l *login) (files, error) {
	dialer := net.Dialer{Timeout: dialTime}
	raw, err := dialer.DialContext(ctx, "tcp", x.Addr)
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(dialTime)) // of the handshake
	conn, channels, requests, err := ssh.NewClientConn(raw, x.Addr, &ssh.ClientConfig{User: x.User, Auth: l.auth, HostKeyCallback: ssh.FixedHostKey(l.host), HostKeyAlgorithms: algorithms(l.host), Timeout: dialTime})
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	s := &server{conn: ssh.NewClient(conn, channels, requests), dir: x.Folder}
	if s.client, err = sftp.NewClient(s.conn); err != nil {
		return nil, errors.Join(err, s.conn.Close())
	}
	_ = raw.SetDeadline(time.Time{})
	s.stop = context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	return s, nil
}

// algorithms are those in which a server can show its key: an RSA key signs by SHA-2 too.
func algorithms(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{key.Type()}
}

func (s *server) close() {
	s.stop()
	_ = s.conn.Close() // the files are there, or an error was told before; first, because the other waits for the server
	_ = s.client.Close()
}

func (s *server) at(name string) string { return path.Join(s.dir, name) }

func (s *server) list(_ context.Context, dir, glob string) ([]File, error) {
	at := s.at(dir)
	if at == "" {
		at = "."
	}
	entries, err := s.client.ReadDir(at)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, e := range entries {
		if !e.Mode().IsRegular() {
			continue
		}
		if out, err = matched(out, File{Name: path.Join(dir, e.Name()), Size: e.Size(), At: e.ModTime().UTC()}, glob); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *server) read(_ context.Context, name string) (io.ReadCloser, error) {
	return s.client.Open(s.at(name))
}

func (s *server) write(_ context.Context, name string, r io.Reader) error {
	if dir := path.Dir(name); dir != "." {
		if err := s.client.MkdirAll(s.at(dir)); err != nil {
			return err
		}
	}
	part := s.at(partOf(name))
	f, err := s.client.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err := f.ReadFrom(r); err != nil {
		return errors.Join(err, f.Close(), s.client.Remove(part))
	}
	_ = f.Sync() // an extension that not every server has
	if err := f.Close(); err != nil {
		return err
	}
	return s.rename(part, s.at(name))
}

// rename replaces what has the name, which the plain request of the protocol does not.
func (s *server) rename(from, to string) error {
	if err := s.client.PosixRename(from, to); err == nil {
		return nil
	}
	if err := s.client.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return s.client.Rename(from, to)
}

func (s *server) move(_ context.Context, from, to string) error {
	if dir := path.Dir(to); dir != "." {
		if err := s.client.MkdirAll(s.at(dir)); err != nil {
			return err
		}
	}
	return s.rename(s.at(from), s.at(to))
}

func (s *server) remove(_ context.Context, name string) error {
	return ignore(s.client.Remove(s.at(name)), os.ErrNotExist)
}
