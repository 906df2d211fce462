package main

import (
	"context"
	"path/filepath"

	"enishi/ingest/imports"
	"enishi/ingest/mapping"
)

// buildImports makes what takes files in.
func (w *workspace) buildImports(context.Context) error {
	var err error
	w.imports, err = imports.New(imports.Config{Dir: filepath.Join(w.cfg.Data, "imports", w.name), Append: w.stream.Append, Parser: w.ingester.Parser(),
		Zone: (&shopZone{definitions: w.definitions}).location, Mapping: w.mapping, Now: w.now, Log: w.log})
	return err
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
