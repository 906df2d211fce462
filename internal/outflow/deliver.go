package outflow

import (
	"context"
	"errors"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"enishi"
	"enishi/channels"
	"enishi/channels/webhook"
	"enishi/internal/stream"
)

// outgoing is a change as it leaves.
type outgoing struct {
	id, key enishi.ID
	typ     string
	body    []byte
}

// destination takes changes, one after the other. Nothing of a call counts as taken when it gives a trouble, although it may be.
type destination interface {
	send(ctx context.Context, list []outgoing) (code string, t *trouble)
	most() int // changes of a call
	lanes() int
}

// trouble is why a change was not taken.
type trouble struct {
	code    string // status that was answered; empty: none was
	en, ja  string // what to do
	refused bool   // it is for the change itself: others may be taken
	lasting bool   // it does not go away by waiting: somebody has to know now
	after   time.Duration
}

func (t *trouble) error() error {
	return &enishi.Error{Code: enishi.Unavailable, Msg: t.en, MsgJA: t.ja}
}

// topic is the topic changes of the log.
type topic struct {
	append func(ctx context.Context, recs []stream.Record) error
	now    func() time.Time
}

func (*topic) most() int  { return 500 }
func (*topic) lanes() int { return 1 }

func (t *topic) send(ctx context.Context, list []outgoing) (string, *trouble) {
	recs := make([]stream.Record, len(list))
	for i := range list {
		// The text is the key, so that other programs find a person's changes by what the changes say.
		recs[i] = stream.Record{Topic: enishi.TopicChanges, Partition: -1, Time: t.now().UTC(), Key: []byte(list[i].key.String()), Value: list[i].body}
	}
	err := t.append(ctx, recs)
	var large *stream.TooLargeError
	switch {
	case err == nil:
		return "", nil
	case errors.As(err, &large):
		return "", &trouble{code: "too_large", en: "the change is larger than a record of the log may be", ja: "変化のデータが、ログの 1 件の上限を超えています。", refused: true}
	}
	return "", &trouble{en: "the log does not take records: " + err.Error(), ja: "ログに書き込めません。Kafka の状態を確認してください。"}
}

// receiver is the address of another system.
type receiver struct {
	calls *webhook.Channel
	s     *Stream
	limit *rate.Limiter
}

func newReceiver(calls *webhook.Channel, s *Stream) *receiver {
	r := &receiver{calls: calls, s: s, limit: rate.NewLimiter(rate.Inf, 1)}
	if s.PerSecond > 0 {
		r.limit = rate.NewLimiter(rate.Limit(s.PerSecond), 1)
	}
	return r
}

func (*receiver) most() int  { return 1 }
func (*receiver) lanes() int { return 4 }

func (r *receiver) send(ctx context.Context, list []outgoing) (string, *trouble) {
	if err := r.limit.Wait(ctx); err != nil {
		return "", &trouble{en: "it ends", ja: "停止中です。"}
	}
	request := *r.s.Request()
	request.Body = string(list[0].body)
	receipt, err := r.calls.Send(ctx, &channels.Rendered{SendID: list[0].id, Request: &request})
	if err == nil {
		return receipt.Code, nil
	}
	var e *channels.SendError
	if !errors.As(err, &e) {
		return "", &trouble{en: err.Error(), ja: "送れませんでした: " + err.Error()}
	}
	return "", troubleOf(e)
}

// troubleOf judges what a receiver answered.
func troubleOf(e *channels.SendError) *trouble {
	t := &trouble{code: e.Code, after: e.After, en: e.Error()}
	status, _ := strconv.Atoi(e.Code)
	switch {
	case e.Verdict() != "permanent" && status == 0:
		t.en, t.ja = "nobody answered ("+e.Error()+"): look whether the receiver runs, and at its firewall", "応答がありません（"+e.Error()+"）。送り先が動いているか、ファイアウォールで止めていないか確認してください。"
	case e.Verdict() != "permanent":
		t.en, t.ja = "the receiver answered "+e.Code+": it is tried again until it takes it", "送り先が "+e.Code+" を返しました。受け取られるまで送り直します。"
	case status == 0 && e.Reason == "address": // the address itself may not be called
		t.lasting = true
		var own *enishi.Error
		t.en, t.ja = e.Error(), "このアドレスには送れません: "+e.Error()
		if errors.As(e.Err, &own) {
			t.en, t.ja = own.Msg, own.MsgJA
		}
	case status == 410:
		t.lasting = true
		t.en, t.ja = "the receiver answered 410: it wants nothing more. Pause or delete the stream, or write its new address", "送り先が 410（受け取りの終了）を返しました。一時停止か削除をするか、新しいアドレスにしてください。"
	case status == 401 || status == 403:
		t.lasting = true
		t.en, t.ja = "the receiver answered "+e.Code+": it does not accept the signature or the headers; compare the signing key and the secrets", "送り先が "+e.Code+" を返しました。署名キーかヘッダーの値が合っていません。送り先の設定と見比べてください。"
	case status == 404 || status == 405 || status >= 300 && status < 400:
		t.lasting = true
		t.en, t.ja = "the receiver answered "+e.Code+": the address is wrong, or has moved; mend it", "送り先が "+e.Code+" を返しました。アドレスが違うか、移動しています。アドレスを直してください。"
	case status == 0:
		t.lasting = true
		t.en, t.ja = e.Error(), "送れませんでした: "+e.Error()
		var own *enishi.Error
		if errors.As(e.Err, &own) {
			t.en, t.ja = own.Msg, own.MsgJA
		}
	default:
		t.refused = true
		t.en, t.ja = "the receiver refused the change with "+e.Code, "送り先がこのデータを "+e.Code+" で断りました。"
	}
	return t
}
