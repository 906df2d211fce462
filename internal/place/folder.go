package place

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
)

// folder is a folder of this machine; a link that leads out of it is refused.
type folder struct{ root *os.Root }

func openFolder(dir string) (files, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return folder{root}, nil
}

func (f folder) close() { _ = f.root.Close() }

func (f folder) list(_ context.Context, dir, glob string) ([]File, error) {
	at := dir
	if at == "" {
		at = "."
	}
	entries, err := fs.ReadDir(f.root.FS(), at)
	if err != nil {
		return nil, err
	}
	var out []File
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		x, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // moved away just now
		}
		if err != nil {
			return nil, err
		}
		if out, err = matched(out, File{Name: path.Join(dir, e.Name()), Size: x.Size(), At: x.ModTime().UTC()}, glob); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (f folder) read(_ context.Context, name string) (io.ReadCloser, error) {
	return f.root.Open(filepath.FromSlash(name))
}

func (f folder) write(_ context.Context, name string, r io.Reader) error {
	part := partOf(name) + uuid.NewString()
	if dir := path.Dir(name); dir != "." {
		if err := f.root.MkdirAll(filepath.FromSlash(dir), 0o700); err != nil {
			return err
		}
	}
	w, err := f.root.OpenFile(filepath.FromSlash(part), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err == nil {
		err = f.root.Rename(filepath.FromSlash(part), filepath.FromSlash(name))
	}
	if err != nil {
		return errors.Join(err, ignore(f.root.Remove(filepath.FromSlash(part)), fs.ErrNotExist))
	}
	return f.sync(path.Dir(name))
}

// sync makes the folder's entry last.
func (f folder) sync(dir string) error {
	d, err := f.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil // the file is there; the folder's entry is synced by the system later
	}
	defer d.Close()
	return ignore(d.Sync(), fs.ErrInvalid) // not every system syncs folders
}

func (f folder) move(_ context.Context, from, to string) error {
	if dir := path.Dir(to); dir != "." {
		if err := f.root.MkdirAll(filepath.FromSlash(dir), 0o700); err != nil {
			return err
		}
	}
	return f.root.Rename(filepath.FromSlash(from), filepath.FromSlash(to))
}

func (f folder) remove(_ context.Context, name string) error {
	return ignore(f.root.Remove(filepath.FromSlash(name)), fs.ErrNotExist)
}

// partOf is the name of a file that is not whole yet.
func partOf(name string) string {
	dir, base := path.Split(name)
	return dir + "." + strings.TrimPrefix(base, ".") + ".part"
}

// ignore makes an error of a kind none.
func ignore(err, what error) error {
	if errors.Is(err, what) {
		return nil
	}
	return err
}
