//go:build unix

package pipeline

import (
	"context"
	"testing"
	"time"

	"enishi"
	"enishi/internal/mix"
)

// TestCheckpointsAreSpacedByTheirCost: where storing takes long, checkpoints come less often than Config.Checkpoint says.
func TestCheckpointsAreSpacedByTheirCost(t *testing.T) {
	m := newMixer(1)
	store := &mixStore{states: map[enishi.ID]State{}, rows: map[string]int{}}
	now, cost := m.now, 500*time.Millisecond
	f, err := New(Config{Partitions: mixPartitions, Definitions: newMix(t), Merges: func(int64) ([]Move, int64) { return nil, 0 }, Append: store.append, Load: store.load,
		Save: func(ctx context.Context, rows *Rows) error {
			now = now.Add(cost)
			return store.save(ctx, rows)
		},
		Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	recs := m.batch(mix.Events)
	if _, err := f.Gain(t.Context(), []int{recs[0].Partition}); err != nil {
		t.Fatal(err)
	}
	// checkpoint folds the n-th event and reports whether a checkpoint is begun so long after it.
	checkpoint := func(n int, after time.Duration) bool {
		t.Helper()
		if err := f.Fold(t.Context(), recs[n:n+1]); err != nil {
			t.Fatal(err)
		}
		now = now.Add(after)
		done := f.Checkpoint(t.Context(), false)
		if done != nil {
			<-done
		}
		return done != nil
	}
	if checkpoint(0, 200*time.Millisecond) {
		t.Error("a checkpoint before Config.Checkpoint")
	}
	if !checkpoint(1, 100*time.Millisecond) {
		t.Error("no checkpoint after Config.Checkpoint")
	}
	if checkpoint(2, time.Second) {
		t.Errorf("a checkpoint a second after one that took %s", cost)
	}
	if !checkpoint(3, time.Second) {
		t.Errorf("no checkpoint %d times what the last one took", checkpointShare)
	}
	f.lastSave = time.Minute
	if !checkpoint(4, MaxCheckpoint) {
		t.Error("no checkpoint after MaxCheckpoint")
	}
}
