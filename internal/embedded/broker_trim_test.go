package embedded

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

func TestBrokerTrimNeverEmpties(t *testing.T) {
	t.Parallel()
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
	b.create("t", 1)
	b.produce("t", "a", "b", "c")
	for _, upto := range []int64{1, 3, 1000, -1} {
		if err := b.Trim(t.Context(), "t", 0, upto); err != nil {
			t.Fatal(err)
		}
	}
	want(t, "after trimming beyond the end", b.read("t"), []string{"2=c"})
	b.Mark()
	dir := b.crash()
	b = openTestBroker(t, BrokerConfig{Dir: dir})
	want(t, "trimmed records stay away after a crash", b.read("t"), []string{"2=c"})
	want(t, "next offset", b.produce("t", "d"), 3)
	if err := b.Trim(t.Context(), "other", 0, 1); err == nil {
		t.Error("trimming a topic that is not there succeeded")
	}
	b.Close()
	if err := b.Trim(t.Context(), "t", 0, 1); err == nil {
		t.Error("trimming a closed broker succeeded")
	}
	if err := errors.Join(b.TrimAll(t.Context()), b.Mark(), b.Close()); err != nil {
		t.Errorf("a closed broker has nothing to do: %v", err)
	}
}

// A client's retention would let kfake empty a partition.
func TestBrokerIgnoresClientRetention(t *testing.T) {
	t.Parallel()
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir()})
	b.create("t", 1, kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "1"}, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "70000"})
	res, err := b.client.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: "t", Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "cleanup.policy", Value: "compact"}}},
		{ResourceType: kafka.ResourceTypeBroker, ResourceName: "0", Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "log.retention.ms", Value: "1"}}},
	}})
	if err != nil || res.Resources[0].Error != nil {
		t.Fatal(err, res)
	}
	var names []string
	for name := range b.cluster.TopicInfo("t").Configs {
		names = append(names, name)
	}
	want(t, "configs of the topic", names, []string{"max.message.bytes"})
}

func TestBrokerTrimsByAgeAndCommits(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	skew := time.Duration(0)
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(skew) }
	pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); skew += d }
	rule := func(topic string, _ int) TrimRule {
		switch topic {
		case "aged":
			return TrimRule{MaxAge: 24 * time.Hour}
		case "snap":
			return TrimRule{Upto: 2}
		}
		return TrimRule{}
	}
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir(), Trim: rule, Now: now})
	for _, topic := range []string{"aged", "snap", "kept"} {
		b.create(topic, 1)
		b.produce(topic, "a", "secret-canary", "c")
	}
	b.commit("g", "aged", 1)
	step := func() {
		t.Helper()
		if err := b.TrimAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	step()
	want(t, "snapshot topic", b.read("snap"), []string{"2=c"})
	want(t, "nothing is old", b.read("aged"), []string{"0=a", "1=secret-canary", "2=c"})
	pass(2 * time.Hour)
	step()
	want(t, "the segment is closed by a tick", b.read("aged"), []string{"0=a", "1=secret-canary", "2=c", "3=~"})
	pass(2 * time.Hour)
	step()
	want(t, "no further tick without records", b.read("aged"), []string{"0=a", "1=secret-canary", "2=c", "3=~"})
	pass(19*time.Hour + 30*time.Minute)
	step()
	want(t, "the group holds the rest", b.read("aged"), []string{"1=secret-canary", "2=c", "3=~"})
	b.commit("g", "aged", 3)
	step()
	want(t, "old and committed", b.read("aged"), []string{"3=~"})
	want(t, "a topic without a rule", b.read("kept"), []string{"0=a", "1=secret-canary", "2=c"})
	files, _ := filepath.Glob(filepath.Join(b.cfg.Dir, partsDir, "aged-0", "*"))
	for _, path := range files {
		if raw, _ := os.ReadFile(path); bytes.Contains(raw, []byte("canary")) {
			t.Errorf("%s still holds what was trimmed", path)
		}
	}
	if len(b.cluster.TopicInfo("aged").Configs) > 1 || b.cluster.TopicInfo("aged").Configs["segment.bytes"] != nil {
		t.Errorf("the roll left its setting: %v", b.cluster.TopicInfo("aged").Configs)
	}
	b.produce("aged", "d")
	want(t, "goes on", b.read("aged"), []string{"3=~", "4=d"})
}

// A group that nobody belongs to any more holds the log only as long as records may live.
func TestBrokerForgetsStaleGroups(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	skew := time.Duration(0)
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); return time.Now().Add(skew) }
	b := openTestBroker(t, BrokerConfig{Dir: t.TempDir(), Now: now, Trim: func(string, int) TrimRule { return TrimRule{MaxAge: 24 * time.Hour} }})
	b.create("t", 1)
	b.produce("t", "a", "b")
	b.commit("experiment", "t", 1)
	for range 4 {
		if err := b.TrimAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		skew += 12 * time.Hour
		mu.Unlock()
	}
	want(t, "records", b.read("t"), []string{"2=~"})
}
