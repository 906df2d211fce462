package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

const (
	// maxBatchBytes keeps a batch under the brokers' default of 1,048,588 bytes; one record with its batch header must
	// fit too.
	maxBatchBytes = 1_000_000
	// produceTimeout is generous: an answer that comes late is better than the duplicates of a retry.
	produceTimeout = 30 * time.Second
	appendWarnEach = 5 * time.Second
)

// ask is what Append still has to write to one partition: records, by index, in order. Batches are cut from its front.
type ask struct {
	lane
	index []int32 // into the caller's records
	done  int     // of them acknowledged
	limit int     // most records in a batch: halved when the broker finds one too large
	batch *batchWriter
	err   error // why the last try failed
}

// Append writes the records and returns when all in-sync replicas have them. It fills Offset, Partition where it was -1,
// and Time where it was zero (times are cut to milliseconds). The records of one partition are written in their order;
// batches of different partitions go out together. It does not wait for more to come: callers batch.
//
// Every failure is retried until ctx ends, also those that Kafka calls final, except a record that is too large
// (*TooLargeError). When ctx ends, the error wraps its cause, and records not acknowledged have Offset -1; some of them
// may have been written.
func (c *Client) Append(ctx context.Context, recs []Record) error {
	if len(recs) == 0 {
		return nil
	}
	asks, err := c.asks(recs)
	if err != nil {
		return err
	}
	ctx, release := c.bind(ctx)
	defer release()
	var wait backoff
	var warned time.Time
	for {
		left, err := c.appendRound(ctx, recs, asks)
		if left == 0 && err == nil {
			return nil
		}
		var large *TooLargeError
		switch {
		case err == nil:
			wait.reset()
			continue // the next batches of long asks
		case errors.As(err, &large):
			return err
		case time.Since(warned) > appendWarnEach && ctx.Err() == nil:
			warned = time.Now()
			c.cfg.Log.Warn("append is being retried", "records", left, "err", err)
		}
		c.forgetLayout()
		if stop := wait.sleep(ctx); stop != nil {
			return fmt.Errorf("append: %w (%d of %d records not acknowledged, last: %w)", stop, left, len(recs), err)
		}
	}
}

// asks checks the records and sorts them by partition.
func (c *Client) asks(recs []Record) ([]*ask, error) {
	byLane := make([]*ask, len(c.lanes))
	var asks []*ask
	var t *topic
	var now time.Time
	for i := range recs {
		r := &recs[i]
		if t == nil || t.name != r.Topic {
			var err error
			if t, err = c.topic(r.Topic); err != nil {
				return nil, fmt.Errorf("append record %d: %w", i, err)
			}
		}
		if size := batchHeader + recordOverhead + len(r.Key) + len(r.Value); size > maxBatchBytes {
			return nil, &TooLargeError{Index: i, Size: size, Limit: maxBatchBytes}
		}
		if r.Partition >= t.partitions || r.Partition < -1 {
			return nil, fmt.Errorf("append record %d: topic %s has no partition %d", i, t.name, r.Partition)
		}
		if r.Partition == -1 {
			if r.Key != nil {
				r.Partition = PartitionFor(r.Key, t.partitions)
			} else {
				r.Partition = int(c.turn.Add(1) % uint64(t.partitions))
			}
		}
		if r.Time.IsZero() {
			if now.IsZero() {
				now = c.cfg.Now()
			}
			r.Time = now
		}
		r.Time = time.UnixMilli(r.Time.UnixMilli()).UTC()
		r.Offset = -1
		a := byLane[t.base+r.Partition]
		if a == nil {
			a = &ask{lane: c.lanes[t.base+r.Partition], limit: len(recs), index: make([]int32, 0, 2*len(recs)/t.partitions)}
			byLane[t.base+r.Partition] = a
			asks = append(asks, a)
		}
		a.index = append(a.index, int32(i))
	}
	return asks, nil
}

// appendRound sends the next batch of every ask, one request for each leader, and returns how many records are left and
// the first thing that went wrong.
func (c *Client) appendRound(ctx context.Context, recs []Record, asks []*ask) (left int, err error) {
	where, err := c.layout(ctx)
	if err != nil {
		return unacknowledged(asks), err
	}
	byLeader := map[int32][]*ask{}
	for _, a := range asks {
		if a.done == len(a.index) {
			continue
		}
		leader := where.leaders[a.base+a.partition]
		if a.err = nil; leader < 0 {
			a.err = fmt.Errorf("%s/%d has no leader", a.wire, a.partition)
			continue
		}
		byLeader[leader] = append(byLeader[leader], a)
	}
	var others []chan struct{}
	for leader, group := range byLeader {
		delete(byLeader, leader)
		if len(byLeader) == 0 {
			c.produce(ctx, recs, group)
			break
		}
		done := make(chan struct{})
		others = append(others, done)
		go func() {
			defer close(done)
			c.produce(ctx, recs, group)
		}()
	}
	for _, done := range others {
		<-done
	}
	for _, a := range asks {
		var large *TooLargeError
		if a.err != nil && (err == nil || errors.As(a.err, &large)) {
			err = a.err
		}
	}
	return unacknowledged(asks), err
}

func unacknowledged(asks []*ask) (n int) {
	for _, a := range asks {
		n += len(a.index) - a.done
	}
	return n
}

// produce sends one batch of each ask to their common leader and takes in the answer.
func (c *Client) produce(ctx context.Context, recs []Record, group []*ask) {
	req := &rawproduce.Request{Acks: int16(kafka.RequireAll), Timeout: int32(produceTimeout.Milliseconds())}
	counts := make([]int, len(group))
	for i, a := range group {
		a.batch = c.buffers.Get().(*batchWriter)
		counts[i] = a.fill(recs)
		part := rawproduce.RequestPartition{
			Partition: int32(a.partition), RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(a.batch.finish())},
		}
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != a.wire {
			req.Topics = append(req.Topics, rawproduce.RequestTopic{Topic: a.wire})
		}
		rt := &req.Topics[len(req.Topics)-1]
		rt.Partitions = append(rt.Partitions, part)
	}
	tctx, cancel := context.WithTimeout(ctx, produceTimeout)
	defer cancel()
	msg, err := c.transport.RoundTrip(tctx, c.kafka.Addr, req)
	res, ok := msg.(*produce.Response)
	if err == nil && !ok {
		err = fmt.Errorf("produce was answered with %T", msg)
	}
	if err != nil {
		// The transport may still be writing from the buffers: they are left to the collector.
		for _, a := range group {
			a.err = fmt.Errorf("produce to %s/%d: %w", a.wire, a.partition, err)
		}
		return
	}
	for i, a := range group {
		c.buffers.Put(a.batch)
		a.batch = nil
		a.answer(recs, counts[i], find(res, a))
	}
}

// fill encodes the next records of the ask and says how many.
func (a *ask) fill(recs []Record) (n int) {
	a.batch.reset()
	for _, i := range a.index[a.done:] {
		r := &recs[i]
		if n > 0 && (n == a.limit || len(a.batch.buf)+recordOverhead+len(r.Key)+len(r.Value) > maxBatchBytes) {
			break
		}
		a.batch.add(r.Time.UnixMilli(), r.Key, r.Value)
		n++
	}
	return n
}

func find(res *produce.Response, a *ask) *produce.ResponsePartition {
	for i := range res.Topics {
		if res.Topics[i].Topic != a.wire {
			continue
		}
		for j := range res.Topics[i].Partitions {
			if p := &res.Topics[i].Partitions[j]; int(p.Partition) == a.partition {
				return p
			}
		}
	}
	return nil
}

// answer takes in what the broker said about the n records that were sent.
func (a *ask) answer(recs []Record, n int, p *produce.ResponsePartition) {
	switch {
	case p == nil:
		a.err = fmt.Errorf("produce to %s/%d: no answer for the partition", a.wire, a.partition)
	case p.ErrorCode == 0:
		for k, i := range a.index[a.done : a.done+n] {
			recs[i].Offset = p.BaseOffset + int64(k)
		}
		a.done += n
	case kafka.Error(p.ErrorCode) == kafka.MessageSizeTooLarge, kafka.Error(p.ErrorCode) == kafka.RecordListTooLarge:
		if n == 1 {
			i := int(a.index[a.done])
			a.err = &TooLargeError{Index: i, Size: len(recs[i].Key) + len(recs[i].Value), Limit: len(recs[i].Key) + len(recs[i].Value) - 1}
			return
		}
		a.limit = n / 2 // and again at once: it is no failure yet
	default:
		a.err = fmt.Errorf("produce to %s/%d: %w", a.wire, a.partition, kafka.Error(p.ErrorCode))
	}
}
