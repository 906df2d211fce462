package journeys

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

//go:embed gallery/*.json gallery/templates/*.json
var gallery embed.FS

// GalleryItem is a ready-made definition: Kind is journey or template, Body the definition's body.
type GalleryItem struct {
	Kind, Name string
	Body       []byte
}

// Gallery lists the ready-made templates and journeys, templates first, each by name: in this order they can be published.
func Gallery() []GalleryItem {
	var out []GalleryItem
	for _, dir := range [2]string{"gallery/templates", "gallery"} {
		entries, err := fs.ReadDir(gallery, dir)
		if err != nil {
			continue // the folder is compiled in
		}
		kind := "journey"
		if dir != "gallery" {
			kind = "template"
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			if body, err := gallery.ReadFile(path.Join(dir, e.Name())); err == nil {
				out = append(out, GalleryItem{Kind: kind, Name: strings.TrimSuffix(e.Name(), ".json"), Body: body})
			}
		}
	}
	return out
}
