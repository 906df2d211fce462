package postal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"enishi"
	"enishi/channels/dm/postal/house"
)

// Target is where files may be delivered. It stands in the configuration, because it has secrets.
type Target struct {
	Dir  string // directory: a folder of this machine, e.g. one that the print house mounts
	SFTP *SFTP
	// Password encrypts files into a zip (AES-256), Age is a recipient (age1...); the account says which is used.
	Password string
	Age      string
}

// SFTP is an account at a print house's server.
type SFTP struct {
	Addr     string // host:port
	User     string
	Password string
	Key      []byte // private key in PEM; instead of a password
	HostKey  string // as a line of authorized_keys: what the server must show
	Dir      string // folder there
}

const deliverPause = time.Minute

// deliver hands the files of an exported batch to the print house, the manifest last: whoever sees it finds all the others.
func (o *Office) deliver(ctx context.Context, b *Batch) error {
	now := o.now()
	if now.Before(o.tries[b.Name].Add(deliverPause)) {
		return nil
	}
	o.tries[b.Name] = now
	set := o.account(b.Account)
	target, ok := o.cfg.Targets[set.Deliver.Target]
	if !ok {
		return o.undelivered(ctx, b, Text{"送り先「" + set.Deliver.Target + "」が設定ファイルの postal.targets にありません。", "The target " + set.Deliver.Target + " is not in postal.targets of the configuration."}, nil)
	}
	var open func() (remote, error)
	switch {
	case set.Deliver.Kind == ByDirectory && target.Dir != "":
		open = func() (remote, error) { return folder{target.Dir}, nil }
	case set.Deliver.Kind == BySFTP && target.SFTP != nil:
		open = func() (remote, error) { return dial(ctx, target.SFTP) }
	default:
		return o.undelivered(ctx, b, Text{"送り先「" + set.Deliver.Target + "」の種類が設定ファイルと合いません。", "The target " + set.Deliver.Target + " in the configuration is of another kind."}, nil)
	}
	to, err := open()
	if err != nil {
		return o.undelivered(ctx, b, Text{"印刷会社のサーバーに接続できません。", "The print house's server cannot be reached."}, err)
	}
	defer to.close()
	for i := range b.Files {
		f := &b.Files[i]
		if err := o.sendFile(ctx, b, f, to); err != nil {
			return o.undelivered(ctx, b, Text{"ファイル " + f.Name + " を送れませんでした。", "The file " + f.Name + " was not delivered."}, err)
		}
		if err := o.Provide(ctx, b, f, set.Deliver.Kind+":"+set.Deliver.Target, System); err != nil {
			return err
		}
	}
	b.State, b.DeliveredAt, b.DeliverTry, b.DeliverHow = Delivered, now, time.Time{}, Text{}
	o.log.Info("a batch of post is delivered", "batch", b.Name, "way", set.Deliver.Kind, "target", set.Deliver.Target, "files", len(b.Files))
	return o.save(ctx, b, "delivered")
}

func (o *Office) undelivered(ctx context.Context, b *Batch, why Text, cause error) error {
	first := b.DeliverTry.IsZero() || b.DeliverHow != why
	b.DeliverTry, b.DeliverHow = o.now(), why
	if cause == nil {
		cause = errors.New(why.EN)
	}
	if !first { // it is tried again each minute, and the log needs only the first
		return fmt.Errorf("deliver: %w", cause)
	}
	return errors.Join(fmt.Errorf("deliver: %w", cause), o.save(ctx, b, "not delivered"))
}

func (o *Office) sendFile(ctx context.Context, b *Batch, f *File, to remote) error {
	r, err := o.Open(ctx, b, f.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	set := o.account(b.Account)
	target := o.cfg.Targets[set.Deliver.Target]
	seal := house.Seal{Kind: set.Deliver.Encrypt, Password: target.Password}
	if target.Age != "" {
		seal.Recipients = []string{target.Age}
	}
	if seal.Kind == "" || f.Kind == FileManifest { // the manifest has no personal value, and tells the sums of what is within
		return to.put(f.Name, r)
	}
	sealed, w := io.Pipe()
	go func() {
		out, err := seal.To(w, f.Name, b.JudgedAt)
		if err == nil {
			_, err = io.Copy(out, r)
			err = errors.Join(err, out.Close())
		}
		_ = w.CloseWithError(err) // it never fails
	}()
	defer sealed.Close()
	return to.put(f.Name+seal.Extension(), sealed)
}

// remote is where files go. put leaves a whole file or none.
type remote interface {
	put(name string, r io.Reader) error
	close()
}

type folder struct{ dir string }

func (f folder) close() {}

func (f folder) put(name string, r io.Reader) error {
	return WriteWhole(filepath.Join(f.dir, name), func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
}

// WriteWhole writes a file under another name, makes sure that it is on the disk, and gives it its name then.
func WriteWhole(name string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name()))
		}
	}()
	if err := write(tmp); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), name); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return nil // the file is there; the folder's entry is synced by the system later
	}
	defer dir.Close()
	return ignore(dir.Sync(), fs.ErrInvalid) // not every system syncs folders
}

func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}

type sftpFolder struct {
	conn   *ssh.Client
	client *sftp.Client
	dir    string
}

const dialTime = 20 * time.Second

// dial connects to a server that shows the key that is expected of it.
func dial(ctx context.Context, x *SFTP) (remote, error) {
	want, _, _, _, err := ssh.ParseAuthorizedKey([]byte(x.HostKey))
	if err != nil {
		return nil, enishi.FieldError("postal.targets", "host_key is a line such as ssh-ed25519 AAAA...: ask the print house, or ssh-keyscan", "host_key は ssh-ed25519 AAAA... のように書いてください。")
	}
	auth := []ssh.AuthMethod{ssh.Password(x.Password)}
	if len(x.Key) > 0 {
		signer, err := ssh.ParsePrivateKey(x.Key)
		if err != nil {
			return nil, enishi.FieldError("postal.targets", "key is no private key in PEM", "key は PEM 形式の秘密鍵にしてください。")
		}
		auth = []ssh.AuthMethod{ssh.PublicKeys(signer)}
	}
	dialer := net.Dialer{Timeout: dialTime}
	raw, err := dialer.DialContext(ctx, "tcp", x.Addr)
	if err != nil {
		return nil, err
	}
	_ = raw.SetDeadline(time.Now().Add(dialTime)) // of the handshake
	conn, channels, requests, err := ssh.NewClientConn(raw, x.Addr, &ssh.ClientConfig{User: x.User, Auth: auth, HostKeyCallback: ssh.FixedHostKey(want), HostKeyAlgorithms: []string{want.Type()}, Timeout: dialTime})
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	_ = raw.SetDeadline(time.Time{})
	s := &sftpFolder{conn: ssh.NewClient(conn, channels, requests), dir: x.Dir}
	if s.client, err = sftp.NewClient(s.conn); err != nil {
		return nil, errors.Join(err, s.conn.Close())
	}
	return s, nil
}

func (s *sftpFolder) close() {
	_ = s.conn.Close() // the files are there, or an error was told before; first, because the other waits for the server
	_ = s.client.Close()
}

func (s *sftpFolder) put(name string, r io.Reader) error {
	final := path.Join(s.dir, name)
	part := path.Join(s.dir, "."+name+".part")
	f, err := s.client.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err := f.ReadFrom(r); err != nil {
		return errors.Join(err, f.Close())
	}
	_ = f.Sync() // an extension that not every server has
	if err := f.Close(); err != nil {
		return err
	}
	if err := s.client.PosixRename(part, final); err == nil {
		return nil
	}
	if err := s.client.Remove(final); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return s.client.Rename(part, final)
}
