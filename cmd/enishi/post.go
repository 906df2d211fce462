package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"enishi"
	"enishi/api"
	"enishi/channels/dm/postal"
	"enishi/internal/pipeline"
	"enishi/internal/place"
	"enishi/internal/stream"
)

// buildPost makes the channel of post and what works at its batches.
func (w *workspace) buildPost() error {
	c := &w.cfg.Postal
	dir := c.Dir
	if dir == "" {
		dir = filepath.Join(w.cfg.Data, "postal")
	}
	targets := map[string]postal.Target{}
	for name, t := range c.Targets {
		x := postal.Target{Dir: t.Dir, Password: t.FilePassword, Age: t.Age}
		if t.SFTP != "" {
			x.SFTP = &place.SFTP{Addr: t.SFTP, User: t.User, Password: t.Password, HostKey: t.HostKey, Folder: t.Folder}
			if t.Key != "" {
				key, err := os.ReadFile(t.Key)
				if err != nil {
					return fmt.Errorf("config: postal.targets.%s.key: %w", name, err)
				}
				x.SFTP.Key = key
			}
		}
		targets[name] = x
	}
	partitions := w.stream.Partitions(enishi.TopicEvents)
	people := api.PostalPeople{Store: w.store, Partitions: partitions, Resolve: func(id enishi.ID) enishi.ID { return w.ingester.Graph().Resolve(id) }, Now: w.shopClock}
	zone := (&shopZone{definitions: w.definitions}).location
	var err error
	w.post, err = postal.New(postal.Config{DB: w.db, Stream: w.stream, Definitions: w.definitions, People: people.Load, Append: func(ctx context.Context, events []enishi.Event) error {
		recs := make([]stream.Record, len(events))
		for i := range events {
			recs[i] = pipeline.EventRecord(&events[i], partitions, w.shopClock())
		}
		return w.stream.Append(ctx, recs)
	}, Key: derive(w.secret, "pieces of post"), Base: w.base, Dir: filepath.Join(dir, w.name), Targets: targets, Image: api.ImageReader(w.db), Fonts: c.Fonts, Zone: zone, Now: w.shopClock, Log: w.log})
	if err != nil {
		return err
	}
	w.postIn = postal.NewChannel(w.post.Pieces, w.post.Settings, zone, w.shopClock)
	return nil
}
