package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/journeys"
)

// campaignPause is how often campaigns with a test are looked at.
const campaignPause = 10 * time.Second

// KeepCampaigns chooses the winners of tests that are to be chosen by themselves, until ctx ends. Every replica does: of those that
// choose the same version's the first one's is taken, by the order of the log. Who dies before that leaves it to the next look.
func (a *API) KeepCampaigns(ctx context.Context) error {
	var warned time.Time
	for {
		if err := a.chooseDue(ctx); err != nil && ctx.Err() == nil && time.Since(warned) > time.Minute {
			warned = time.Now()
			a.log.Warn("campaign tests wait", "err", err)
		}
		pause := time.NewTimer(campaignPause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// chooseDue chooses each winner whose time has come.
func (a *API) chooseDue(ctx context.Context) error {
	for _, d := range a.cfg.Definitions.List("journey") {
		b, ok := broadcastOf(&d)
		if !ok || b.Test == nil || !b.Test.Auto || b.Test.Winner != "" || headOf(&d).State != "live" {
			continue
		}
		p, err := a.progress(ctx, false)
		if err != nil {
			return err
		}
		if done, _ := p.campaignDone(d.Name, d.Version, false); done < buckets*int64(len(p.Markers)) {
			continue
		}
		parts, err := a.campaignParts(ctx, []string{d.Name})
		if err != nil {
			return err
		}
		i := winner(b.Test, variantRows(b.Test, parts), a.now())
		if i < 0 {
			continue
		}
		body, err := withWinner(d.Body, i)
		if err != nil {
			return err
		}
		err = a.saveOwn(ctx, enishi.Definition{Kind: "journey", Name: d.Name, Expect: d.Version, Body: body, Reason: "variant " + variantName(i) + " has the greater rate",
			RequestID: enishi.NewID("winner", d.Name, fmt.Sprint(d.Version))})
		if err != nil {
			return fmt.Errorf("choose the winner of %s: %w", d.Name, err)
		}
	}
	return nil
}

// winner is the variant with the greatest rate, of equal ones the first; -1 while it is too early or there are too few messages.
// The greater rate is not significance.
func winner(t *campaignTest, rows []variantRow, now time.Time) int {
	best, first := -1, time.Time{}
	for i := range rows {
		if rows[i].Sent < int64(t.Least) {
			return -1
		}
		if first.IsZero() || rows[i].First.Before(first) {
			first = rows[i].First
		}
		if best < 0 || rows[i].Rate > rows[best].Rate {
			best = i
		}
	}
	if now.Before(first.Add((&journeys.Test{After: t.After}).Wait())) {
		return -1
	}
	return best
}

// withWinner says the winner in a campaign's definition.
func withWinner(body []byte, i int) ([]byte, error) {
	var d journeys.Definition
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("read a campaign: %w", err)
	}
	ways := d.Nodes[d.Entry.Test.Split].Ways
	d.Entry.Test.Winner = ways[i].Next
	entry, err := json.Marshal(d.Entry)
	if err != nil {
		return nil, err
	}
	return compact(withField(body, "entry", entry)), nil
}

type winnerInput struct {
	NamePath
	Precondition
	Body struct {
		Variant string `json:"variant" enum:"a,b,c,d,e"`
		Reason  string `json:"reason,omitempty" maxLength:"500"`
	}
}

// chooseBroadcastWinner sends a variant to everybody who has had none, also before its time.
func (a *API) chooseBroadcastWinner(ctx context.Context, in *winnerInput) (*writtenOutput, error) {
	return a.replaced("journey", in.Name, in.Precondition, 0, func(expect int64) (*writtenOutput, error) { return a.chooseWinner(ctx, in, expect) })
}

func (a *API) chooseWinner(ctx context.Context, in *winnerInput, expect int64) (*writtenOutput, error) {
	d, b, err := a.broadcast(in.Name)
	if err != nil {
		return nil, err
	}
	if expect > 0 && expect != d.Version {
		return nil, notMatched()
	}
	i := int(in.Body.Variant[0] - 'a')
	switch {
	case b.Test == nil || i >= len(b.Test.Variants):
		return nil, enishi.FieldError("body.variant", "the broadcast has no such variant", "この一斉配信にその案はありません。")
	case b.Test.Winner != "":
		return nil, refusal(enishi.Conflict, "the winner was chosen already: variant "+b.Test.Winner, "採用案はすでに決まっています（案 "+b.Test.Winner+"）。")
	case headOf(d).State != "live":
		return nil, refusal(enishi.Conflict, "a winner is chosen while the test is being sent", "採用案は、比較テストの配信中に決めてください。")
	}
	body, err := withWinner(d.Body, i)
	if err != nil {
		return nil, err
	}
	w, err := a.putJourney(ctx, in.Name, withoutState(body), "live", d.Version, in.Body.Reason)
	return &writtenOutput{w}, err
}
