package profiles

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"enishi"
)

// TestShuffleGivesTheSameBytes: any order of a history, with repeats, and with a checkpoint (encoded, decoded, rows
// written, view made) at any border, folds to the same bytes.
func TestShuffleGivesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		history := genHistory(t, alice, 0, 1, 30)
		want := New(subject(enishi.Customer, alice.customer))
		fold(t, want, history)
		got := New(want.ID)
		f := NewFacts()
		for _, e := range shuffled(t, history) {
			got.Apply(read(t, e), clock)
			switch rapid.IntRange(0, 5).Draw(t, "border") {
			case 0:
				got = decoded(t, got)
			case 1:
				f.Add(got, 1)
			case 2:
				got.View()
			}
		}
		if string(want.Encode(nil)) != string(got.Encode(nil)) {
			diff(t, "facts", facts(t, want), facts(t, got))
			t.Fatal("same facts, other bytes")
		}
	})
}

func decoded(t rapid.TB, p *Profile) *Profile {
	t.Helper()
	out, err := Decode(p.ID, string(p.Encode(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// absorb moves a profile in chunks of a drawn size, in a drawn order, some of them twice, each by way of the wire.
func absorb(t *rapid.T, to, moved *Profile) {
	chunks := moved.Chunks(rapid.IntRange(300, 3000).Draw(t, "chunk size"))
	if len(chunks) == 0 { // some events leave nothing with a person
		return
	}
	order := rapid.Permutation(chunks).Draw(t, "chunks")
	order = append(order, rapid.SliceOfN(rapid.SampledFrom(chunks), 0, 2).Draw(t, "chunks again")...)
	for _, c := range order {
		to.Absorb(decoded(t, c), clock)
	}
}

// TestMergeAndEventsCommute: the loser's history folded alone and absorbed, the winner's events before and after, some of
// the loser's events folded on the winner's side too (ingest repeats after a crash under a newer link), give what all
// events give when folded by one profile.
func TestMergeAndEventsCommute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		losers := genHistory(t, bob, 1000, 1, 15)
		winners := genHistory(t, alice, 0, 1, 15)
		both := alice
		both.phone, both.anonymous = bob.phone, bob.anonymous
		later := genHistory(t, both, 2000, 0, 10)
		late := genHistory(t, bob, 3000, 0, 5) // forwarded by the redirect, or sent to the winner at once

		want := New(enishi.ID{7})
		fold(t, want, slices.Concat(winners, losers, later, late))

		loser, winner := New(enishi.ID{8}), New(enishi.ID{7})
		fold(t, loser, losers)
		mixed := shuffled(t, slices.Concat(winners, late))
		if rapid.Bool().Draw(t, "links known early") {
			mixed = shuffled(t, slices.Concat(winners, late, later))
		}
		twice := rapid.SliceOfN(rapid.SampledFrom(losers), 0, 5).Draw(t, "folded on both sides")
		fold(t, winner, slices.Concat(twice, mixed))
		absorb(t, winner, loser)
		fold(t, winner, slices.Concat(shuffled(t, later), late, twice))
		diff(t, "merged", facts(t, want), facts(t, winner))
	})
}

// TestExtractUndoesAbsorb: after an un-merge each side is what folding its own events gives; a second merge is no trouble.
func TestExtractUndoesAbsorb(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		as, bs := genHistory(t, alice, 0, 1, 15), genHistory(t, bob, 1000, 1, 15)
		moreA, moreB := genHistory(t, alice, 2000, 0, 8), genHistory(t, bob, 3000, 0, 8)
		a, b := New(enishi.ID{7}), New(enishi.ID{8})
		fold(t, a, as)
		fold(t, b, bs)
		b.Runs = []Run{{ID: enishi.ID{1}, Journey: "j", Subject: b.Subjects[0].ID, EnteredAt: start}}
		absorb(t, a, b)
		fold(t, a, slices.Concat(moreA, moreB))
		var ids []enishi.ID
		alone := New(enishi.ID{8})
		fold(t, alone, slices.Concat(bs, moreB))
		for i := range alone.Subjects {
			ids = append(ids, alone.Subjects[i].ID)
		}
		alone.Runs = slices.Clone(b.Runs)
		moved := a.Extract(ids)
		back := New(enishi.ID{8})
		absorb(t, back, moved)
		wantA := New(enishi.ID{7})
		fold(t, wantA, slices.Concat(as, moreA))
		diff(t, "the one who stays", facts(t, wantA), facts(t, a))
		diff(t, "the one who leaves", facts(t, alone), facts(t, back))

		absorb(t, a, back)
		all := New(enishi.ID{7})
		fold(t, all, slices.Concat(as, bs, moreA, moreB))
		all.Runs = slices.Clone(b.Runs)
		diff(t, "merged again", facts(t, all), facts(t, a))
	})
}

// TestTablesEqualTheView: whatever happens between checkpoints (events, merges, splits, runs and memberships that come and
// go, an erasure), the rows of all checkpoints together are those of a full rewrite.
func TestTablesEqualTheView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, tables := New(enishi.ID{1}), newModel(t)
		version, n := uint64(0), 0
		now := clock
		checkpoint := func(t *rapid.T) {
			version++
			f := NewFacts()
			f.Add(p, version)
			tables.insert(f.Tables())
		}
		t.Repeat(map[string]func(*rapid.T){
			"event": func(t *rapid.T) {
				n++
				p.Apply(read(t, genEvent(t, n, genWho(t, alice))), now)
			},
			"other": func(t *rapid.T) {
				n++
				p.Apply(read(t, genEvent(t, n, someone{phone: bob.phone})), now)
			},
			"view":       func(t *rapid.T) { p.View() },
			"checkpoint": checkpoint,
			"reload": func(t *rapid.T) {
				checkpoint(t)
				p = decoded(t, p)
			},
			"absorb": func(t *rapid.T) {
				n += 100
				moved := fold(t, New(enishi.ID{2}), genHistory(t, bob, n, 1, 5))
				absorb(t, p, moved)
			},
			"extract": func(t *rapid.T) {
				if len(p.Subjects) > 0 {
					p.Extract([]enishi.ID{p.Subjects[rapid.IntRange(0, len(p.Subjects)-1).Draw(t, "subject")].ID})
				}
			},
			"erase": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					p.Erase(at(24 * time.Hour))
				}
			},
			"send": func(t *rapid.T) {
				p.AddMessage(Message{SendID: enishi.NewID("send", string('0'+rune(rapid.IntRange(0, 3).Draw(t, "send")))), Round: rapid.IntRange(1, 2).Draw(t, "round"), Channel: "email",
					Journey: "j", DecidedAt: now, To: subject(enishi.Email, alice.email)})
			},
			"engine": func(t *rapid.T) {
				p.Memberships, p.Runs = nil, nil
				for i, name := range []string{"a", "b", "c"} {
					if rapid.Bool().Draw(t, name) {
						p.Memberships = append(p.Memberships, Membership{Segment: name, Version: int64(rapid.IntRange(1, 2).Draw(t, "version")), Since: start})
						p.Runs = append(p.Runs, Run{ID: enishi.ID{byte(i)}, Journey: "j" + name, Steps: rapid.IntRange(0, 2).Draw(t, "steps")})
					}
				}
				p.MarkDirty(ChangedMemberships | ChangedRuns)
			},
			"": func(t *rapid.T) {},
		})
		checkpoint(t)
		want, got := byOwnKey(tables, liveRows(t, p)), byOwnKey(tables, tables.live())
		diff(t, "tables", want, got)
	})
}

// byOwnKey is rows without the profile they belong to.
func byOwnKey(m *model, live map[string]map[string]row) map[string]map[string]row {
	out := map[string]map[string]row{}
	for name, rows := range live {
		out[name] = map[string]row{}
		for _, r := range rows {
			r["profile_id"] = ""
			out[name][r.key(m.keys[name])] = r
		}
	}
	return out
}

func (r row) key(columns []string) string {
	out := ""
	for _, c := range columns {
		out += r[c] + "|"
	}
	return out
}

// TestViewIsIncremental: a view kept up to date through events is the view made of the state alone.
func TestViewIsIncremental(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := New(enishi.ID{1})
		for i := range rapid.IntRange(1, 25).Draw(t, "events") {
			p.Apply(read(t, genEvent(t, i, genWho(t, alice))), clock)
			got, want := *p.View(), *decoded(t, p).View()
			want.Profile, want.stale = got.Profile, 0
			diff(t, "view", exposed(want), exposed(got))
		}
	})
}

// exposed is what of a view others see.
func exposed(v View) map[string]any {
	return map[string]any{"traits": v.Traits, "orders": v.Orders, "shipments": v.Shipments, "visits": none(v.Visits), "stores": none(v.Stores), "contacts": v.Contacts,
		"reviews": none(v.Reviews), "surveys": none(v.Surveys), "returns": v.Returns, "contracts": v.Contracts, "moves": none(v.Moves), "messages": none(v.Messages), "cart": v.Cart, "risks": v.Risks, "lists": v.Lists, "hold": v.HoldReason,
		"until": v.HoldUntil, "seen": []time.Time{v.FirstSeenAt, v.LastSeenAt, v.LastVisitAt, v.SignedUpAt, v.FirstOrderAt, v.LastOrderAt, v.LastManualOrderAt},
		"counts": []int64{v.OrdersCount, v.ManualOrdersCount, int64(v.LTV), v.PageViews, v.ProductViews, v.StoreVisits, v.Points}, "currency": v.Currency, "main store": v.MainStore, "features": v.Features}
}

func none[T any](list []T) []T { return append([]T{}, list...) }
