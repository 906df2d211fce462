package imports

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path"

	"enishi"
)

// ErrGrown says that a file has other bytes than its listing told: it is still written.
var ErrGrown = errors.New("the file has another size than its listing said")

// Announce makes an import of a file of a place, which Fill brings.
func (im *Importer) Announce(o Origin, actor string) (Job, error) {
	return im.begin(path.Base(o.Name), o.Size, actor, &o)
}

// Fill reads the file of an import that was announced, to its end. Of one that does not come whole nothing stays: its error is that
// of r, or ErrGrown.
func (im *Importer) Fill(id enishi.ID, r io.Reader) (Job, error) {
	j, err := im.Get(id)
	part := make([]byte, MaxPart)
	for at := j.Received; err == nil && at < j.Size; at = j.Received {
		n, end := io.ReadFull(r, part[:min(MaxPart, j.Size-at)])
		if errors.Is(end, io.EOF) || errors.Is(end, io.ErrUnexpectedEOF) {
			end = ErrGrown
		}
		if err = end; err == nil {
			j, err = im.Part(id, at, part[:n])
		}
	}
	if err == nil {
		if n, end := r.Read(part[:1]); n > 0 {
			err = ErrGrown
		} else if end != nil && !errors.Is(end, io.EOF) {
			err = end
		}
	}
	if err != nil {
		return Job{}, errors.Join(err, im.Delete(id))
	}
	return j, nil
}

// From gives the import of a file of a place, as it stands here.
func (im *Importer) From(o Origin) (Job, bool) {
	im.mu.Lock()
	defer im.mu.Unlock()
	for _, j := range im.jobs {
		if x := j.Origin; x != nil && x.Pull == o.Pull && x.Name == o.Name && x.Size == o.Size && x.At.Equal(o.At) {
			return *j, true
		}
	}
	return Job{}, false
}

// How is a hash of how a plan reads files. It changes with its mapping.
func (im *Importer) How(p Plan) (string, error) {
	by, err := im.mapping(p)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal([]any{by.mapping, p.File, p.Live, p.Source})
	h := sha256.Sum256(text)
	return hex.EncodeToString(h[:8]), err
}
