package api

import (
	"context"
	"fmt"
	"time"

	"enishi"
	"enishi/segments"
	"enishi/segments/audiences"
)

// segmentGone is what is the matter with an audience whose segment was deleted.
var segmentGone = audienceProblem{Class: "refused", Code: "segment", Text: Text{"セグメントが削除されています。新しい人は追加しません。リストにいる人は、断った人などを除いて媒体に残っています。",
	"its segment was deleted: nobody is added, and who is in the list stays at the platform, but for who refused, is held or was erased"}}

// alertAudiences shows what needs somebody and takes back what does not any more.
func (a *API) alertAudiences(ctx context.Context) error {
	now := a.now()
	told, err := a.raised(ctx, audienceKind, now.AddDate(0, 0, -1))
	if err != nil {
		return err
	}
	wrong, err := a.audienceTroubles(ctx)
	if err != nil {
		return err
	}
	for i := range wrong {
		x := wrong[i].Alert
		open, ok := told[x.ID]
		delete(told, x.ID)
		if ok && open.ClosedAt.IsZero() {
			continue
		}
		x.At = now
		if err := a.storeAlert(ctx, x); err != nil {
			return err
		}
	}
	for _, x := range told {
		if x.ClosedAt.IsZero() {
			x.ClosedAt = now
			if err := a.storeAlert(ctx, x); err != nil {
				return err
			}
		}
	}
	return nil
}

// audienceTrouble is what an audience needs somebody for.
type audienceTrouble struct {
	enishi.Alert
	audience string
}

// audienceTroubles are what audiences need somebody for now.
func (a *API) audienceTroubles(ctx context.Context) ([]audienceTrouble, error) {
	standing, err := a.standings(ctx)
	if err != nil {
		return nil, err
	}
	var out []audienceTrouble
	for _, d := range a.cfg.Definitions.List(audiences.Kind) {
		def, err := audienceOf(&d)
		if err != nil {
			return nil, err
		}
		add := func(severity, en, ja string, id ...string) {
			out = append(out, audienceTrouble{enishi.Alert{ID: enishi.NewID("alert", append([]string{audienceKind, d.Name}, id...)...), Kind: audienceKind, Severity: severity, Text: en, TextJA: ja}, d.Name})
		}
		dest := a.destination(def.Destination)
		if dest == nil {
			add("error", fmt.Sprintf("The audience “%s” is not kept: the configuration has no account %s. Who refuses is not taken out of its list. Put the account back, or take the list away at the platform.", def.Title, def.Destination),
				fmt.Sprintf("オーディエンス「%s」を同期できません: 設定に広告アカウント「%s」がありません。配信を断った方もリストから外せません。設定にアカウントを戻すか、媒体の管理画面でリストを削除してください。", def.Title, def.Destination), "no account")
			continue
		}
		if dest.Platform.Facts().ByHand {
			u, err := a.audienceUpload(ctx, d.Name, standing[d.Name])
			if err != nil {
				return nil, err
			}
			if u != nil && u.Left > 0 {
				add("warning", fmt.Sprintf("Somebody left the audience “%s”: upload its new files (%s) by hand to %s, in place of the old ones.", def.Title, u.Files, dest.Title),
					fmt.Sprintf("オーディエンス「%s」から外れた方がいます。新しいファイル（%s）を「%s」に手動でアップロードし、古いオーディエンスと置き換えてください。", def.Title, u.Files, dest.Title), "by hand", u.leftBy.String())
			}
		}
		s := standing[d.Name]
		if _, there := a.cfg.Definitions.Current(segments.KindSegment, def.Segment); !there && s != nil && s.Remote != "" {
			add("error", fmt.Sprintf("The audience “%s” is not kept: %s", def.Title, segmentGone.Text.EN), fmt.Sprintf("オーディエンス「%s」を同期できません: %s", def.Title, segmentGone.Text.JA), segmentGone.Code)
		}
		if s == nil || s.Problem == nil || s.Problem.Class != audiences.Auth && s.Problem.Class != audiences.Refused {
			continue
		}
		add("error", fmt.Sprintf("The audience “%s” is not kept: %s", def.Title, s.Problem.Msg), fmt.Sprintf("オーディエンス「%s」を同期できません: %s", def.Title, s.Problem.MsgJA), string(s.Problem.Class), s.Problem.Code)
	}
	return append(out, a.leftBehind(standing)...), nil
}

// byHandAlert is how long it is said that somebody has to delete by hand what was uploaded.
const byHandAlert = 7 * 24 * time.Hour

// leftBehind are audiences that were deleted while people are in their lists all the same: the platform does not let us, or has them by files that somebody uploaded.
func (a *API) leftBehind(standing map[string]*audiences.Standing) []audienceTrouble {
	var out []audienceTrouble
	for name, s := range standing {
		if _, ok := a.cfg.Definitions.Current(audiences.Kind, name); ok {
			continue
		}
		def, at := a.lastAudience(name)
		if def == nil {
			continue
		}
		add := func(severity, en, ja string, id ...string) {
			out = append(out, audienceTrouble{enishi.Alert{ID: enishi.NewID("alert", append([]string{audienceKind, name, "deleted"}, id...)...), Kind: audienceKind, Severity: severity, Text: en, TextJA: ja}, ""})
		}
		switch dest := a.destination(def.Destination); {
		case s.Holds() && dest == nil:
			add("error", fmt.Sprintf("The audience “%s” was deleted, but its list (%s) keeps its people: the configuration has no account %s. Put the account back, or delete the list at the platform.", def.Title, s.Remote, def.Destination),
				fmt.Sprintf("オーディエンス「%s」を削除しましたが、設定に広告アカウント「%s」がないため、媒体のリスト（%s）と登録された方々が残っています。設定にアカウントを戻すか、媒体の管理画面でリストを削除してください。", def.Title, def.Destination, s.Remote), "no account")
		case s.Holds() && s.Problem != nil && (s.Problem.Class == audiences.Auth || s.Problem.Class == audiences.Refused) && !held(s):
			add("error", fmt.Sprintf("The audience “%s” was deleted, but its list (%s) at %s keeps its people: %s", def.Title, s.Remote, dest.Title, s.Problem.Msg),
				fmt.Sprintf("オーディエンス「%s」を削除しましたが、「%s」のリスト（%s）と登録された方々が残っています: %s", def.Title, dest.Title, s.Remote, s.Problem.MsgJA), string(s.Problem.Class), s.Problem.Code)
		case !s.Holds() && dest != nil && dest.Platform.Facts().ByHand && a.now().Sub(at) < byHandAlert:
			add("warning", fmt.Sprintf("The audience “%s” was deleted, and its files with it. What was uploaded of them stays at %s: delete the audience there by hand.", def.Title, dest.Title),
				fmt.Sprintf("オーディエンス「%s」とそのファイルを削除しました。アップロード済みのデータは「%s」に残っています。媒体の管理画面でオーディエンスを削除してください。", def.Title, dest.Title), "by hand", at.String())
		}
	}
	return out
}

// audienceHrefs are the pages of the audiences that open alerts are about.
func (a *API) audienceHrefs(ctx context.Context, open []openAlert) error {
	var wrong []audienceTrouble
	for i := range open {
		x := &open[i]
		if x.Kind != audienceKind {
			continue
		}
		if wrong == nil {
			var err error
			if wrong, err = a.audienceTroubles(ctx); err != nil {
				return err
			}
		}
		for _, w := range wrong {
			if w.ID == x.ID && w.audience != "" {
				x.Href = "/audiences/" + w.audience
			}
		}
	}
	return nil
}
