package main

import (
	"context"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"enishi"
	"enishi/api"
	"enishi/ingest/imports"
	"enishi/ingest/mapping"
	"enishi/ingest/pulls"
)

// buildImports makes what takes files in.
func (w *workspace) buildImports(context.Context) error {
	var err error
	w.imports, err = imports.New(imports.Config{Dir: filepath.Join(w.cfg.Data, "imports", w.name), Append: w.stream.Append, Parser: w.ingester.Parser(),
		Zone: (&shopZone{definitions: w.definitions}).location, Mapping: w.mapping, Buyers: api.Buyers{DB: w.db}.Find, Product: w.ingester.Product, Now: w.now, Log: w.log})
	return err
}

// buildFilePulls makes what takes files in that stand at a place.
func (w *workspace) buildFilePulls(context.Context) error {
	places, err := w.cfg.openPlaces()
	if err != nil {
		return err
	}
	w.filePulls = pulls.New(pulls.Config{Places: places, Imports: w.imports, Definitions: w.definitions, Store: pulls.Tables{DB: w.db}, Zone: (&shopZone{definitions: w.definitions}).location, Tell: w.storeAlert, Over: w.closeAlert, Now: w.now, Log: w.log,
		Mine: func() bool { return w.runner.Ready() && slices.Contains(w.folder.Owned(), 0) }})
	return nil
}

// takeFiles takes in what is brought and what comes by itself, once the definitions are read: what was begun before a restart needs its
// mapping and the shop's time zone.
func (w *workspace) takeFiles(ctx context.Context) error {
	ends, err := w.stream.Ends(ctx, enishi.TopicDefinitions)
	if err != nil {
		return err
	}
	if err := w.definitions.Wait(ctx, ends[0]); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.imports.Run(ctx) })
	g.Go(func() error { return w.filePulls.Run(ctx) })
	return g.Wait()
}

// mapping is the definition of a mapping as it stands.
func (w *workspace) mapping(name string) (mapping.Mapping, bool) {
	d, ok := w.definitions.Current(mapping.Kind, name)
	if !ok {
		return mapping.Mapping{}, false
	}
	m, err := mapping.Parse(d.Body)
	return m, err == nil // it was checked when it was saved
}
