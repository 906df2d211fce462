package api

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"enishi"
	"enishi/segments/audiences"
)

// namedPerson is somebody as a list shows them.
type namedPerson struct {
	ID   enishi.ID `json:"id"`
	Name string    `json:"name"`
}

// audienceRefusal is a reason for which a platform did not take people.
type audienceRefusal struct {
	Reason string        `json:"reason" doc:"As the platform says it."`
	Label  Text          `json:"label"`
	Fix    Text          `json:"fix" doc:"What can be done about it."`
	Count  int           `json:"count" doc:"People in the calls of the last 30 days, each as often as they were refused."`
	LastAt time.Time     `json:"last_at"`
	People []namedPerson `json:"people" doc:"The first 20 whom the platform named and who are still refused."`
}

// audienceReason says why somebody is not told to a platform, or was taken out.
func audienceReason(reason string) Text {
	t, ok := map[string]Text{
		audiences.LeftSegment:   {"セグメントから外れた", "left the segment"},
		audiences.LeftErased:    {"消去された、または別の方と統合された", "erased, or joined with somebody else"},
		audiences.LeftNoConsent: {"第三者提供の同意がない", "no permission to hand over"},
		audiences.LeftOptedOut:  {"広告への利用を断った", "refused the use for advertisements"},
		audiences.LeftHold:      {"配信を保留中", "on hold"},
		audiences.LeftNoKeys:    {"照合できる連絡先がない", "no identifier to match by"},
		audiences.LeftChanged:   {"連絡先が変わった", "identifiers changed"},
		audiences.LeftByHand:    {"オーディエンスが削除された", "the audience was deleted"},
	}[reason]
	if !ok {
		return Text{reason, reason}
	}
	return t
}

// rejection says in words why a platform did not take somebody, and what can be done.
func rejection(reason string) (label, fix Text) {
	known, ok := map[string][2]Text{
		"not_allowed_by_consent": {{"媒体が同意を確認できない", "the platform sees no consent"}, {"媒体に伝えた同意では配信に使えません。同意を取り直すか、この方を外してください。", "The consent that was told does not suffice there: ask them again, or leave them out."}},
		"INVALID_SHA256_FORMAT":  {{"照合用の値の形が合わない", "an identifier of the wrong form"}, {"顧客の連絡先を直すと、次の同期でまた送ります。", "Mend their identifiers: they are told again by the next run."}},
		"INVALID_COUNTRY_CODE":   {{"国の指定が合わない", "an unknown country"}, {"顧客の住所を直すと、次の同期でまた送ります。", "Mend their address: they are told again by the next run."}},
		"REQUIRED_FIELD_MISSING": {{"氏名か郵便番号が欠けている", "the name or the postal code is missing"}, {"顧客の氏名と郵便番号をそろえると、次の同期でまた送ります。", "Complete name and postal code: they are told again by the next run."}},
		"invalid_entries":        {{"媒体が読めない値がある", "values that the platform cannot read"}, {"誰の値かは媒体が知らせません。メールアドレスと電話番号の誤りを「データ」の「名寄せ」で直してください。", "The platform does not say whose. Mend mistyped addresses and numbers: Data, Identity."}},
		"the list is gone":       {{"媒体側でリストが削除されていた", "the list was deleted at the platform"}, {"新しいリストを作り、送り直します。", "A new list is made and filled."}},
	}[reason]
	if !ok {
		return Text{"媒体の回答: " + reason, "the platform says: " + reason}, Text{"顧客の連絡先が変わると、次の同期でまた送ります。続くときは媒体の管理画面で確認してください。", "They are told again when their identifiers change. If it goes on, look into the platform's own pages."}
	}
	return known[0], known[1]
}

// audienceRefusals are why people were not taken during the last 30 days, the newest first.
func (a *API) audienceRefusals(ctx context.Context, s *audiences.Standing) ([]audienceRefusal, error) {
	out := []audienceRefusal{}
	if s == nil {
		return out, nil
	}
	err := a.each(ctx, `SELECT reason, sum(rejected), max(at) FROM audience_batches FINAL WHERE audience = {audience:String} AND rejected > 0 AND at >= fromUnixTimestamp64Milli({since:Int64}) GROUP BY reason ORDER BY max(at) DESC, reason LIMIT 20`,
		[]any{named("audience", s.Audience), millis("since", a.cfg.Now().AddDate(0, 0, -30))}, func(rows driver.Rows) error {
			var r audienceRefusal
			var n uint64
			if err := rows.Scan(&r.Reason, &n, &r.LastAt); err != nil {
				return err
			}
			r.Label, r.Fix = rejection(r.Reason)
			r.Count, r.LastAt, r.People = int(n), r.LastAt.UTC(), []namedPerson{}
			out = append(out, r)
			return nil
		})
	if err != nil {
		return nil, err
	}
	var ids []enishi.ID
	err = a.each(ctx, `SELECT toString(reason), arraySort(groupArray(20)(profile_id)) FROM audience_members FINAL WHERE audience = {audience:String} AND generation = {generation:UInt32} AND state = 'rejected' GROUP BY reason ORDER BY reason`,
		[]any{named("audience", s.Audience), named("generation", fmt.Sprint(s.Generation))}, func(rows driver.Rows) error {
			var reason string
			var people []string
			if err := rows.Scan(&reason, &people); err != nil {
				return err
			}
			i := slices.IndexFunc(out, func(r audienceRefusal) bool { return r.Reason == reason })
			if i < 0 { // of a call that is older
				label, fix := rejection(reason)
				i, out = len(out), append(out, audienceRefusal{Reason: reason, Label: label, Fix: fix, Count: len(people)})
			}
			for _, p := range people {
				out[i].People = append(out[i].People, namedPerson{ID: idOf(p)})
				ids = append(ids, idOf(p))
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	names, err := a.names(ctx, ids)
	for i := range out {
		for j := range out[i].People {
			out[i].People[j].Name = names[out[i].People[j].ID]
		}
	}
	return out, err
}
