package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Segments of a topic with a MaxAge are closed after 1/rollPart of it, so that whole files get old enough to go.
const rollPart = 24

// staleGroupAfter is how long after the start a group without members may still come back before its old commits stop
// holding the log.
const staleGroupAfter = time.Hour

// Trim lets the records of a partition before offset upto go. The last batch always stays: kfake restarts the offsets of
// a partition that became empty at 0. Disk is freed by whole segments.
func (b *Broker) Trim(ctx context.Context, topic string, partition int, upto int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed { // kfake would wait for ever
		return errors.New("trim: the broker is closed")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.trim(topic, partition, upto)
}

func (b *Broker) trim(topic string, partition int, upto int64) error {
	info := b.cluster.PartitionInfo(topic, int32(partition))
	if info == nil {
		return fmt.Errorf("trim %s/%d: no such partition", topic, partition)
	}
	upto = min(upto, info.HighWatermark-1) // the batch that holds the last offset is then kept
	if upto <= info.LogStartOffset {
		return nil
	}
	if err := b.cluster.DeleteRecords(topic, int32(partition), upto); err != nil {
		return fmt.Errorf("trim %s/%d to %d: %w", topic, partition, upto, err)
	}
	return nil
}

// TrimAll trims every partition as BrokerConfig.Trim says; Run does it every minute. A segment of a topic with a MaxAge
// that has been written to for 1/24 of it is closed by a filler record, the tick, so that it can go in time.
func (b *Broker) TrimAll(ctx context.Context) error {
	if b.cfg.Trim == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	if err := b.writeMarksLocked(); err != nil {
		return err
	}
	groups, err := b.groups(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for topic, marks := range b.marks.Topics {
		var roll []int
		for p := range marks {
			rule := b.cfg.Trim(topic, p)
			if rule.MaxAge > 0 && b.rollDue(&marks[p], rule.MaxAge) {
				roll = append(roll, p)
			}
		}
		if len(roll) > 0 {
			errs = append(errs, b.roll(ctx, topic, roll))
		}
		for p := range marks {
			errs = append(errs, b.trimByRule(topic, p, b.cfg.Trim(topic, p), groups))
		}
	}
	return errors.Join(errs...)
}

func (b *Broker) trimByRule(topic string, part int, rule TrimRule, groups []*kfake.GroupInfo) error {
	upto := int64(-1)
	if rule.MaxAge > 0 {
		old, err := b.oldUpto(topic, part, rule.MaxAge)
		if err != nil {
			return err
		}
		upto = min(old, b.committed(topic, part, rule.MaxAge, groups, old))
	}
	if rule.Upto > 0 && (upto < 0 || rule.Upto < upto) {
		upto = rule.Upto
	}
	if upto <= 0 {
		return nil
	}
	return b.trim(topic, part, upto)
}

// oldUpto is the offset up to which whole segments are old enough, by the time of their last write: the times in the
// records are their producers'.
func (b *Broker) oldUpto(topic string, part int, age time.Duration) (int64, error) {
	dir := b.path(partsDir, partDir(topic, part))
	bases, err := segmentBases(dir)
	if err != nil {
		return 0, err
	}
	limit := b.cfg.Now().Add(-age + age/rollPart)
	upto := int64(0)
	for i := 0; i+1 < len(bases); i++ {
		info, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%d.dat", bases[i])))
		if err != nil || info.ModTime().After(limit) {
			break
		}
		upto = bases[i+1]
	}
	return upto, nil
}

// committed is the lowest commit among the groups of the topic, upto when it has none. A group of the topic that has not
// committed this partition holds all of it. One without members whose last commit is older than the records may get is
// somebody's old experiment.
func (b *Broker) committed(topic string, part int, age time.Duration, groups []*kfake.GroupInfo, upto int64) int64 {
	now := b.cfg.Now()
	for _, g := range groups {
		commits := g.Commits[topic]
		if len(commits) == 0 {
			continue
		}
		if len(g.Members) == 0 && now.Sub(b.opened) > staleGroupAfter {
			fresh := false
			for _, c := range commits {
				fresh = fresh || c.At.IsZero() || now.Sub(c.At) <= age
			}
			if !fresh {
				continue
			}
		}
		upto = min(upto, commits[int32(part)].Offset)
	}
	return upto
}

func (b *Broker) groups(ctx context.Context) ([]*kfake.GroupInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := b.client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	var groups []*kfake.GroupInfo
	for _, g := range res.Groups {
		if info := b.cluster.GroupInfo(g.GroupID); info != nil {
			groups = append(groups, info)
		}
	}
	return groups, nil
}

// rollDue says that the active segment is old enough and holds more than its tick.
func (b *Broker) rollDue(m *brokerMark, age time.Duration) bool {
	return m.Active >= 0 && m.End > m.Tick && !m.Since.IsZero() && b.cfg.Now().Sub(m.Since) >= age/rollPart
}

// roll closes the active segments of partitions: kfake rolls by size only, so for a moment the size is 1.
func (b *Broker) roll(ctx context.Context, topic string, parts []int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := b.segmentBytes(ctx, topic, kafka.ConfigOperationSet); err != nil {
		return err
	}
	var errs []error
	for _, p := range parts {
		res, err := b.client.Produce(ctx, &kafka.ProduceRequest{
			Topic: topic, Partition: p, RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte{}), Headers: []kafka.Header{{Key: fillerHeader}}}),
		})
		if err == nil {
			err = res.Error
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("tick of %s/%d: %w", topic, p, err))
			continue
		}
		m := &b.marks.Topics[topic][p]
		m.Tick, m.End = res.BaseOffset+1, 0 // and let the next note look at the partition again
	}
	// Also after a failure, or every batch would get a segment of its own.
	back := b.segmentBytes(context.WithoutCancel(ctx), topic, kafka.ConfigOperationDelete)
	return errors.Join(append(errs, back)...)
}

// segmentBytes sets the topic's segment size to one byte, or takes that back.
func (b *Broker) segmentBytes(ctx context.Context, topic string, op kafka.ConfigOperation) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := b.client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "segment.bytes", Value: "1", ConfigOperation: op}},
		}},
	})
	if err != nil {
		return fmt.Errorf("roll %s: %w", topic, err)
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			return fmt.Errorf("roll %s: %w", topic, r.Error)
		}
	}
	return nil
}
