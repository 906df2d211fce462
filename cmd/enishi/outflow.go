package main

import (
	"context"
	"fmt"

	"enishi"
	"enishi/api"
	"enishi/channels/webhook"
	"enishi/ingest"
	"enishi/internal/outflow"
)

// buildOutflow makes what sends changes out.
func (w *workspace) buildOutflow(context.Context) error {
	var err error
	w.outflow, err = outflow.New(outflow.Config{DB: w.db, Append: w.stream.Append, Definitions: w.definitions, Owned: w.folder.Owned, Base: w.base, Secret: w.secret,
		Resolve: func(id enishi.ID) enishi.ID { return w.ingester.Graph().Resolve(id) },
		Calls: func(keys []string) (*webhook.Channel, error) {
			c := w.cfg.Webhook
			c.Keys = keys
			return newWebhooks(c, "", w.now, w.log)
		},
		SaveDead: func(ctx context.Context, letters []ingest.DeadLetter) error {
			return (api.DeadTable{DB: w.db}).Save(ctx, letters)
		},
		Alert: w.alert, Now: w.now, Log: w.log})
	if err != nil {
		return fmt.Errorf("build streams: %w", err)
	}
	return nil
}
