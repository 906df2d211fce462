package api

import (
	"context"
	"fmt"
	"strings"

	"enishi"
	"enishi/internal/clickhouse"
)

// ImageReader reads pictures that were uploaded, by their address or id: what layouts of post may show.
func ImageReader(db *clickhouse.DB) func(ctx context.Context, name string) ([]byte, error) {
	return func(ctx context.Context, name string) ([]byte, error) {
		if at := strings.LastIndex(name, imagePath); at >= 0 {
			name = name[at+len(imagePath):]
		}
		name, _, _ = strings.Cut(name, ".")
		id, err := enishi.ParseID(name)
		if err != nil {
			return nil, enishi.FieldError("image", "is no picture that was uploaded here: upload it first", "ここにアップロードした画像ではありません。先にアップロードしてください。")
		}
		var data string
		if err := db.QueryRow(ctx, "SELECT data FROM images FINAL WHERE id = "+idLiteral(id)+" LIMIT 1").Scan(&data); err != nil {
			return nil, fmt.Errorf("read image %s: %w", id, err)
		}
		return []byte(data), nil
	}
}
