// Package definitions folds the topic definitions: immutable versions of segments, journeys, templates, settings and keys.
//
// The topic is kept for ever and is read from its start; it is small. Every replica folds the same records in the same
// order, so that compare-and-set needs no other arbiter: a record whose Expect is not the current version is remembered as
// refused and changes nothing. A version is the record's offset + 1.
package definitions

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"sync"
	"time"

	"enishi"
	"enishi/internal/stream"
)

// Log is the folded topic. It is safe for concurrent use.
type Log struct {
	mu       sync.RWMutex
	accepted []enishi.Definition       // in order of version
	byName   map[[2]string][]int       // (kind, name) -> indices into accepted, oldest first
	refused  map[enishi.ID]enishi.Code // request id -> why
	done     map[enishi.ID]int64       // request id -> version
	next     int64                     // offset of the next record to fold
	changed  chan struct{}             // closed and replaced at each fold
}

// NewLog makes an empty log.
func NewLog() *Log {
	return &Log{byName: map[[2]string][]int{}, refused: map[enishi.ID]enishi.Code{}, done: map[enishi.ID]int64{}, changed: make(chan struct{})}
}

// Fold takes the record at an offset; what stands before Next is skipped. A record that is no JSON is refused silently:
// only Enishi writes here.
func (l *Log) Fold(offset int64, value []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if offset < l.next {
		return
	}
	l.next = offset + 1
	defer func() { close(l.changed); l.changed = make(chan struct{}) }()
	var d enishi.Definition
	if json.Unmarshal(value, &d) != nil {
		return
	}
	if _, again := l.done[d.RequestID]; again {
		return
	}
	key := [2]string{d.Kind, d.Name}
	var current int64
	if at := l.byName[key]; len(at) > 0 && !l.accepted[at[len(at)-1]].Deleted {
		current = l.accepted[at[len(at)-1]].Version
	}
	if d.Expect >= 0 && d.Expect != current {
		l.refused[d.RequestID] = enishi.Conflict
		return
	}
	if d.Deleted && current == 0 {
		l.refused[d.RequestID] = enishi.NotFound
		return
	}
	d.Version = offset + 1
	l.accepted = append(l.accepted, d)
	l.byName[key] = append(l.byName[key], len(l.accepted)-1)
	l.done[d.RequestID] = d.Version
}

// Skip moves over offsets that hold no record (the end of the topic is known to be next).
func (l *Log) Skip(next int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if next > l.next {
		l.next = next
		close(l.changed)
		l.changed = make(chan struct{})
	}
}

// Next is the offset of the next record to fold.
func (l *Log) Next() int64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.next
}

// Changed is closed when something more is folded.
func (l *Log) Changed() <-chan struct{} {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.changed
}

// Wait returns when everything before next is folded.
func (l *Log) Wait(ctx context.Context, next int64) error {
	for {
		changed := l.Changed()
		if l.Next() >= next {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Until lists the accepted definitions with an offset before next, oldest first. The slice is not to be changed.
func (l *Log) Until(next int64) []enishi.Definition {
	l.mu.RLock()
	defer l.mu.RUnlock()
	n := sort.Search(len(l.accepted), func(i int) bool { return l.accepted[i].Version > next })
	return l.accepted[:n:n]
}

// Current is the newest version, or false when there is none or it is deleted.
func (l *Log) Current(kind, name string) (enishi.Definition, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	at := l.byName[[2]string{kind, name}]
	if len(at) == 0 || l.accepted[at[len(at)-1]].Deleted {
		return enishi.Definition{}, false
	}
	return l.accepted[at[len(at)-1]], true
}

// Version is one version of a definition.
func (l *Log) Version(kind, name string, version int64) (enishi.Definition, bool) {
	for _, d := range l.History(kind, name) {
		if d.Version == version {
			return d, true
		}
	}
	return enishi.Definition{}, false
}

// History is all versions of a definition, oldest first, deletions included.
func (l *Log) History(kind, name string) []enishi.Definition {
	l.mu.RLock()
	defer l.mu.RUnlock()
	at := l.byName[[2]string{kind, name}]
	out := make([]enishi.Definition, len(at))
	for i, n := range at {
		out[i] = l.accepted[n]
	}
	return out
}

// List is the current version of every definition of a kind, by name.
func (l *Log) List(kind string) []enishi.Definition {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var out []enishi.Definition
	for key, at := range l.byName {
		if d := l.accepted[at[len(at)-1]]; key[0] == kind && !d.Deleted {
			out = append(out, d)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Outcome tells what became of a request: the version it made, or why it was refused; found is false while it is unknown.
func (l *Log) Outcome(request enishi.ID) (version int64, err error, found bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if v, ok := l.done[request]; ok {
		return v, nil, true
	}
	switch l.refused[request] {
	case enishi.Conflict:
		return 0, &enishi.Error{Code: enishi.Conflict, Msg: "somebody else saved a newer version: load it and try again", MsgJA: "別の人が新しい版を保存しています。読み込み直してからやり直してください。"}, true
	case enishi.NotFound:
		return 0, &enishi.Error{Code: enishi.NotFound, Msg: "there is nothing of that name", MsgJA: "その名前のものはありません。"}, true
	}
	return 0, nil, false
}

// Follow reads the topic until ctx ends.
func (l *Log) Follow(ctx context.Context, client *stream.Client) error {
	return client.Follow(ctx, enishi.TopicDefinitions, 0, l.Next(), func(_ context.Context, recs []stream.Record, end int64) error {
		for i := range recs {
			l.Fold(recs[i].Offset, recs[i].Value)
		}
		return nil
	})
}

// Save appends a definition and waits for its outcome. Its errors are conflict, not_found and unavailable.
func (l *Log) Save(ctx context.Context, client *stream.Client, d enishi.Definition) (version int64, err error) {
	if d.At.IsZero() {
		d.At = time.Now().UTC()
	}
	if version, err, found := l.Outcome(d.RequestID); found {
		return version, err
	}
	value, err := json.Marshal(d)
	if err != nil {
		return 0, fmt.Errorf("encode definition %s %s: %w", d.Kind, d.Name, err)
	}
	recs := []stream.Record{{Topic: enishi.TopicDefinitions, Partition: 0, Time: d.At, Key: []byte(d.Kind + "/" + d.Name), Value: value}}
	if err := client.Append(ctx, recs); err != nil {
		return 0, fmt.Errorf("append definition %s %s: %w", d.Kind, d.Name, err)
	}
	if err := l.Wait(ctx, recs[0].Offset+1); err != nil {
		return 0, &enishi.Error{Code: enishi.Unavailable, Msg: "the definition is written but not read back yet", MsgJA: "保存しましたが、まだ反映を確認できません。", Err: err}
	}
	version, err, _ = l.Outcome(d.RequestID)
	return version, err
}
