package place

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"enishi"
)

// partBytes is one part of a file on its way to S3, which is held in memory; 10,000 of them are the largest file (156 GiB).
const partBytes = 16 << 20

// bucket is a bucket of S3.
type bucket struct {
	client *minio.Client
	name   string
	prefix string
}

func openBucket(x *S3) (*bucket, error) {
	region := x.Region
	if region == "" {
		region = "ap-northeast-1"
	}
	if x.Bucket == "" || x.AccessKey == "" || x.SecretKey == "" {
		return nil, enishi.FieldError("s3", "needs the bucket's name, access_key and secret_key", "s3 にはバケット名、access_key、secret_key が必要です")
	}
	host, secure := x.Endpoint, true
	if host == "" {
		host = "s3." + region + ".amazonaws.com"
	} else if strings.Contains(host, "://") {
		u, err := url.Parse(host)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, enishi.FieldError("endpoint", "is a host or an http(s) address", "endpoint はホスト名か http(s) のアドレスにしてください")
		}
		host, secure = u.Host, u.Scheme == "https"
	}
	client, err := minio.New(host, &minio.Options{Creds: credentials.NewStaticV4(x.AccessKey, x.SecretKey, ""), Secure: secure, Region: region})
	if err != nil {
		return nil, enishi.FieldError("s3", "cannot be used: "+err.Error(), "s3 の設定が正しくありません（"+err.Error()+"）")
	}
	return &bucket{client, x.Bucket, strings.TrimPrefix(x.Prefix, "/")}, nil
}

func (b *bucket) close() {}

func (b *bucket) list(ctx context.Context, dir, glob string) ([]File, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	at := b.prefix
	if dir != "" {
		at += dir + "/"
	}
	start, _, _ := strings.Cut(glob, "*")
	if i := strings.IndexAny(start, "?[\\"); i >= 0 {
		start = start[:i]
	}
	var out []File
	for o := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: at + start}) {
		if o.Err != nil {
			return nil, o.Err
		}
		if strings.HasSuffix(o.Key, "/") {
			continue
		}
		var err error
		if out, err = matched(out, File{Name: path.Join(dir, strings.TrimPrefix(o.Key, at)), Size: o.Size, At: o.LastModified.UTC()}, glob); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *bucket) read(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := o.Stat(); err != nil { // the request is made here
		_ = o.Close()
		if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return nil, err
	}
	return o, nil
}

// write sends each part with its MD5, which every server that speaks S3 checks; chunked signatures (aws-chunked) not all take.
func (b *bucket) write(ctx context.Context, name string, r io.Reader) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, r, -1, minio.PutObjectOptions{PartSize: partBytes, NumThreads: 1, SendContentMd5: true, DisableContentSha256: true, ContentType: "application/octet-stream"})
	return err
}

// move copies and deletes: S3 has no other way, and copies at most 5 GiB at once.
func (b *bucket) move(ctx context.Context, from, to string) error {
	if _, err := b.client.CopyObject(ctx, minio.CopyDestOptions{Bucket: b.name, Object: b.prefix + to}, minio.CopySrcOptions{Bucket: b.name, Object: b.prefix + from}); err != nil {
		return err
	}
	return b.client.RemoveObject(ctx, b.name, b.prefix+from, minio.RemoveObjectOptions{})
}

func (b *bucket) remove(ctx context.Context, name string) error {
	return b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
}
