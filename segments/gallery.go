package segments

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed gallery/*.json
var galleryFiles embed.FS

// Template is a segment to start from.
type Template struct {
	Name string
	Body Body
	JSON []byte // the body as a definition takes it
}

// Gallery are the segments that Enishi ships, by name.
func Gallery() ([]Template, error) {
	files, err := galleryFiles.ReadDir("gallery")
	if err != nil {
		return nil, fmt.Errorf("read the gallery: %w", err)
	}
	var all []Template
	for _, f := range files {
		text, err := galleryFiles.ReadFile(path.Join("gallery", f.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the gallery: %w", err)
		}
		body, err := ParseBody(text)
		if err != nil {
			return nil, fmt.Errorf("read the gallery: %s: %w", f.Name(), err)
		}
		all = append(all, Template{Name: strings.TrimSuffix(f.Name(), ".json"), Body: body, JSON: text})
	}
	return all, nil
}
