package postal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"enishi/channels/dm/postal/house"
	"enishi/internal/place"
)

// Target is where files may be delivered. It stands in the configuration, because it has secrets.
type Target struct {
	Dir  string // directory: a folder of this machine, e.g. one that the print house mounts
	SFTP *place.SFTP
	// Password encrypts files into a zip (AES-256), Age is a recipient (age1...); the account says which is used.
	Password string
	Age      string
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
	var at place.Config
	switch {
	case set.Deliver.Kind == ByDirectory && target.Dir != "":
		at.Dir = target.Dir
	case set.Deliver.Kind == BySFTP && target.SFTP != nil:
		at.SFTP = target.SFTP
	default:
		return o.undelivered(ctx, b, Text{"送り先「" + set.Deliver.Target + "」の種類が設定ファイルと合いません。", "The target " + set.Deliver.Target + " in the configuration is of another kind."}, nil)
	}
	to, err := place.Open(at)
	if err == nil {
		_, err = to.List(ctx, "*")
	}
	if err != nil {
		return o.undelivered(ctx, b, Text{"印刷会社のサーバーに接続できません。", "The print house's server cannot be reached."}, err)
	}
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

func (o *Office) sendFile(ctx context.Context, b *Batch, f *File, to *place.Place) error {
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
		return to.Write(ctx, f.Name, func(w io.Writer) error { return copied(w, r) })
	}
	return to.Write(ctx, f.Name+seal.Extension(), func(w io.Writer) error {
		out, err := seal.To(w, f.Name, b.JudgedAt)
		if err != nil {
			return err
		}
		return errors.Join(copied(out, r), out.Close())
	})
}

func copied(w io.Writer, r io.Reader) error {
	_, err := io.Copy(w, r)
	return err
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
