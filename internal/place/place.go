package place

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"

	"enishi"
)

// MaxFiles bounds a listing.
const MaxFiles = 10_000

// Config is a place: one of Dir, SFTP and S3.
type Config struct {
	Dir  string // a folder of this machine
	SFTP *SFTP
	S3   *S3
}

// SFTP is an account at a server.
type SFTP struct {
	Addr     string // host:port
	User     string
	Password string
	Key      []byte // private key in PEM; instead of a password
	HostKey  string // as a line of authorized_keys: what the server must show
	Folder   string // there
}

// S3 is a bucket of AWS or of any server that speaks its protocol.
type S3 struct {
	Bucket    string
	Endpoint  string // host or URL; AWS when empty
	Region    string // ap-northeast-1 when empty
	AccessKey string
	SecretKey string
	Prefix    string // of the names, such as enishi/
}

// File is one that is there.
type File struct {
	Name string // as Read takes it
	Size int64
	At   time.Time // when it was last written
}

// Place is a place that was opened. It is safe for concurrent use.
type Place struct {
	kind string // dir, sftp, s3
	open func(ctx context.Context) (files, error)
}

// files is a place that is connected.
type files interface {
	list(ctx context.Context, dir, glob string) ([]File, error)
	read(ctx context.Context, name string) (io.ReadCloser, error)
	write(ctx context.Context, name string, r io.Reader) error
	move(ctx context.Context, from, to string) error
	remove(ctx context.Context, name string) error // also an empty folder; of what is not there: no error
	close()
}

// Open checks a place. It does not connect.
func Open(cfg Config) (*Place, error) {
	n := 0
	for _, is := range [...]bool{cfg.Dir != "", cfg.SFTP != nil, cfg.S3 != nil} {
		if is {
			n++
		}
	}
	if n != 1 {
		return nil, enishi.FieldError("places", "a place has one of dir, sftp and s3", "places には dir・sftp・s3 のどれか 1 つを書いてください")
	}
	switch {
	case cfg.Dir != "":
		return &Place{"dir", func(context.Context) (files, error) { return openFolder(cfg.Dir) }}, nil
	case cfg.SFTP != nil:
		login, err := cfg.SFTP.check()
		if err != nil {
			return nil, err
		}
		return &Place{"sftp", func(ctx context.Context) (files, error) { return dial(ctx, cfg.SFTP, login) }}, nil
	}
	b, err := openBucket(cfg.S3)
	if err != nil {
		return nil, err
	}
	return &Place{"s3", func(context.Context) (files, error) { return b, nil }}, nil
}

// Kind is dir, sftp or s3.
func (p *Place) Kind() string { return p.kind }

// List gives the files whose names match a pattern (path.Match in the last part: in/orders-*.csv), the oldest first.
func (p *Place) List(ctx context.Context, pattern string) ([]File, error) {
	if err := CheckPattern(pattern); err != nil {
		return nil, err
	}
	dir, glob := path.Split(pattern)
	dir = strings.TrimSuffix(dir, "/")
	f, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.close()
	out, err := f.list(ctx, dir, glob)
	if err != nil {
		return nil, err
	}
	sort.Slice(out, func(i, j int) bool {
		if !out[i].At.Equal(out[j].At) {
			return out[i].At.Before(out[j].At)
		}
		return out[i].Name < out[j].Name
	})
	return out, nil
}

// CheckPattern says what is wrong with a pattern of List.
func CheckPattern(pattern string) error {
	dir, glob := path.Split(pattern)
	if _, err := path.Match(glob, ""); err != nil || glob == "" || strings.ContainsAny(dir, "*?[") {
		return enishi.FieldError("pattern", "is a name with * and ? in its last part, such as in/orders-*.csv", "in/orders-*.csv のように、最後の部分にだけ * と ? を使ってください")
	}
	if dir = strings.TrimSuffix(dir, "/"); dir != "" {
		return checkName(dir)
	}
	return nil
}

// matched adds a file to a listing.
func matched(out []File, f File, glob string) ([]File, error) {
	base := path.Base(f.Name)
	if ok, _ := path.Match(glob, base); !ok || strings.HasPrefix(base, ".") {
		return out, nil
	}
	if len(out) == MaxFiles {
		return nil, &enishi.Error{Code: enishi.Invalid, Field: "pattern", Msg: "matches more than 10,000 files: move away those that are done", MsgJA: "該当するファイルが 10,000 件を超えています。処理済みのファイルを移動してください"}
	}
	return append(out, f), nil
}

// Read opens a file. A missing one is fs.ErrNotExist.
func (p *Place) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	r, err := f.read(ctx, name)
	if err != nil {
		f.close()
		return nil, err
	}
	return &reading{r, f}, nil
}

// reading ends the connection with the file.
type reading struct {
	io.ReadCloser
	files files
}

func (r *reading) Close() error {
	err := r.ReadCloser.Close()
	r.files.close()
	return err
}

// Write makes a file of what write writes, in the place of one of the same name. It is there whole or not at all.
func (p *Place) Write(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	f, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.CloseWithError(write(w)) // it never fails
	}()
	err = f.write(ctx, name, r)
	_ = r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // write ends when nobody reads any more
	<-ended
	return err
}

// Move gives a file another name, in the place of one that has it.
func (p *Place) Move(ctx context.Context, from, to string) error {
	if err := errors.Join(checkName(from), checkName(to)); err != nil {
		return err
	}
	f, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	return f.move(ctx, from, to)
}

// Remove deletes a file, or an empty folder; what is not there is no error.
func (p *Place) Remove(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	f, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer f.close()
	return f.remove(ctx, name)
}

// checkName keeps names within the place.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") || len(name) > 900 {
		return enishi.FieldError("name", "is a path within the place, such as in/orders.csv", "in/orders.csv のように、置き場所の中のパスで書いてください")
	}
	return nil
}
