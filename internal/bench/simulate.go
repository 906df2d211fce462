package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"enishi"
	"enishi/internal/clickhouse"
	"enishi/internal/mix"
	"enishi/internal/pipeline"
	"enishi/internal/simulation"
)

// The stage simulate gives each person so many orders in a year, with the events of the standard mix around each.
const (
	simulatedOrders = 4
	simulatedRows   = 200_000 // of one insert
)

// runSimulate stores a year of people's events and tries two journeys of the gallery on it: one for which every delivery is an
// entry, and one that nobody enters, whose cost is that of the past alone.
func runSimulate(ctx context.Context, b *bench) (err error) {
	w, err := openWorld(ctx, b.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	db, err := clickhouse.Open(ctx, clickhouse.Config{Transport: w.engine, Database: "bench_simulate", Log: w.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	begun, to := time.Now(), time.Now().UTC().Truncate(24*time.Hour)
	if err := livedYear(ctx, db, b.people, to); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	events := b.people * simulatedOrders * mix.Events
	b.printf("  %d people with %d events of a year made in %s\n", b.people, events, time.Since(begun).Round(time.Second))
	if err := w.settle(ctx); err != nil {
		return err
	}
	read, err := measured(func() (slice, error) {
		n := 0
		store := pipeline.Store{DB: db, Now: time.Now}
		for bucket := range 16 { // as many people at once as a simulation reads
			x := pipeline.Pasts{Journey: "none"}
			for i := range x.To {
				x.To[i] = 0xff
			}
			x.From[0], x.To[0] = byte(bucket*16), byte(bucket*16+15)
			if err := store.Past(ctx, x, func(_ enishi.ID, past []pipeline.Past) error { n += len(past); return nil }); err != nil {
				return slice{}, err
			}
		}
		if n != events {
			return slice{}, fmt.Errorf("%d events were read, not %d", n, events)
		}
		return slice{ops: n}, nil
	})
	if err != nil {
		return err
	}
	b.printf("  read and decoded alone: %s, %.0f events/s, %.1f us CPU an event\n", read.wall.Round(10*time.Millisecond), read.rate(), read.perOp())
	lab, err := simulation.New(simulation.Config{DB: db, Log: w.log})
	if err != nil {
		return err
	}
	return while(ctx, lab.Run, func() error {
		for _, x := range []struct {
			journey string
			entered int
		}{{"review_request", b.people * simulatedOrders}, {"cart_abandonment", 0}} {
			if err := b.simulate(ctx, lab, x.journey, x.entered, to, &read); err != nil {
				return err
			}
		}
		return nil
	})
}

// simulate measures one.
func (b *bench) simulate(ctx context.Context, lab *simulation.Lab, journey string, entered int, to time.Time, read *slice) error {
	defs, err := mix.Definitions()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(defs, func(d enishi.Definition) bool { return d.Kind == "journey" && d.Name == journey })
	if at < 0 {
		return fmt.Errorf("no journey %s", journey)
	}
	s, err := measured(func() (slice, error) {
		x, err := lab.Start(&simulation.Request{Journey: defs[at], Definitions: defs, From: to.AddDate(-1, 0, -1), To: to, Sample: 100, Days: 7, Currency: "JPY"})
		if err != nil {
			return slice{}, err
		}
		err = eventually(ctx, "the simulation", time.Hour, func() (bool, error) {
			x, err = lab.Get(journey, x.ID)
			return x.State != simulation.Running, err
		})
		switch {
		case err != nil:
			return slice{}, err
		case x.State != simulation.Done:
			return slice{}, fmt.Errorf("the simulation is %s: %w", x.State, x.Err)
		case x.Result.People != int64(b.people) || x.Result.Entered.Count != int64(entered):
			return slice{}, fmt.Errorf("%d people, %d runs, not %d and %d", x.Result.People, x.Result.Entered.Count, b.people, entered)
		}
		return slice{ops: int(x.Result.Events)}, nil
	})
	if err != nil {
		return err
	}
	b.printf("  %s, %d runs: %s, %.0f people/s, %.0f events/s, %.1f us CPU an event, %.2fx of reading alone\n", journey, entered, s.wall.Round(10*time.Millisecond),
		float64(b.people)/s.wall.Seconds(), s.rate(), s.perOp(), s.perOp()/read.perOp())
	return nil
}

// livedYear writes what a year leaves in the tables that a simulation reads. Everybody is known by a customer id and an address.
func livedYear(ctx context.Context, db *clickhouse.DB, people int, to time.Time) error {
	var subject, id []enishi.ID
	var at []int64
	var typ, record []string
	write := func() error {
		n := len(id)
		version := make([]uint64, n)
		err := db.Insert(ctx, "events", []string{"subject", "at", "event_id", "type", "appended_at", "version", "record"}, n, subject, at, id, typ, at, version, record)
		subject, id, at, typ, record = subject[:0], id[:0], at[:0], typ[:0], record[:0]
		return err
	}
	persons, subjects := make([]enishi.ID, 0, 2*people), make([]enishi.ID, 0, 2*people)
	for i := range people {
		person, address := enishi.NewID("person", fmt.Sprint(i)), enishi.NewID("address", fmt.Sprint(i))
		persons, subjects = append(persons, person, person), append(subjects, person, address)
		for order := range simulatedOrders {
			begun := to.AddDate(-1, 0, (i*7+order*89)%350)
			for n := range mix.Events {
				e := mix.Event(i*simulatedOrders+order, n, begun.Add(time.Duration(n)*13*time.Hour))
				e.ID, e.Subject, e.Links = enishi.NewID(e.Message), person, []enishi.ID{person, address}
				e.Person.CustomerID, e.Person.Email = fmt.Sprintf("C%07d", i), fmt.Sprintf("C%07d@mail.example", i)
				subject, id, at = append(subject, e.Subject), append(id, e.ID), append(at, e.At.UnixMilli())
				typ, record = append(typ, e.Type), append(record, string(enishi.EncodeEvent(nil, &e)))
			}
		}
		if len(id) >= simulatedRows || i == people-1 {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if err := db.Insert(ctx, "identifiers", []string{"profile_id", "subject", "version"}, len(persons), persons, subjects, make([]uint64, len(persons))); err != nil {
		return err
	}
	var every []enishi.ID
	for i := 0; i < len(persons); i += 2 {
		every = append(every, persons[i])
	}
	return db.Insert(ctx, "people", []string{"profile_id", "version"}, len(every), every, make([]uint64, len(every)))
}
