package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"enishi"
	"enishi/channels"
)

// followSending tells the sender what may leave, whenever the setting changes. Nothing leaves before the definitions are
// read to where they ended at the start; a start with sending off saves that first.
func (w *workspace) followSending(ctx context.Context) error {
	ends, err := w.stream.Ends(ctx, enishi.TopicDefinitions)
	if err != nil {
		return fmt.Errorf("read the end of the definitions: %w", err)
	}
	if err := w.definitions.Wait(ctx, ends[0]); err != nil {
		return err
	}
	if w.cfg.Sending == "off" {
		if err := w.turnOff(ctx); err != nil {
			return err
		}
	}
	version := int64(-1)
	limits := int64(0)
	for {
		changed := w.definitions.Changed()
		if d, ok := w.definitions.Current("setting", channels.DeliveryName); ok && d.Version != limits {
			limits = d.Version
			x, err := channels.ParseDelivery(d.Body)
			if err != nil {
				w.log.Error("how fast is sent cannot be read: it stays as it was", "version", d.Version, "err", err)
			} else {
				w.sender.SetDelivery(x)
			}
		}
		var s channels.Sending
		d, ok := w.definitions.Current("setting", channels.SendingName)
		if ok {
			if s, err = channels.ParseSending(d.Body); err != nil {
				w.log.Error("what may leave cannot be read: nothing leaves", "version", d.Version, "err", err)
				s = channels.Sending{Off: true}
			}
		}
		if d.Version != version {
			version = d.Version
			w.sender.Set(s)
			w.log.Info("what may leave", "off", s.Off, "stops", len(s.Stops), "by", d.Actor, "version", d.Version)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// turnOff saves that sending is off.
func (w *workspace) turnOff(ctx context.Context) error {
	var s channels.Sending
	d, ok := w.definitions.Current("setting", channels.SendingName)
	if ok {
		var err error
		if s, err = channels.ParseSending(d.Body); err != nil {
			return fmt.Errorf("turn sending off: %w", err)
		}
	}
	if s.Off {
		return nil
	}
	s.Off = true
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("turn sending off: %w", err)
	}
	off := enishi.Definition{Kind: "setting", Name: channels.SendingName, Expect: -1, Body: body, Actor: "serve", Role: "admin", Reason: "started with sending off",
		RequestID: enishi.NewID("sending_off", w.name, fmt.Sprint(d.Version)), At: w.now().UTC()}
	if _, err := w.definitions.Save(ctx, w.stream, off); err != nil {
		return fmt.Errorf("turn sending off: %w", err)
	}
	return nil
}

// keepLedger deletes once a day what the ledger has kept for long enough (setting delivery, keep_days). The replica that owns
// the first partition of the messages does it.
func (w *workspace) keepLedger(ctx context.Context) error {
	const often, first = 24 * time.Hour, 10 * time.Minute
	timer := time.NewTimer(first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		timer.Reset(often)
		if !w.sender.Owns(0) {
			continue
		}
		var set channels.Delivery
		if d, ok := w.definitions.Current("setting", channels.DeliveryName); ok {
			var err error
			if set, err = channels.ParseDelivery(d.Body); err != nil {
				w.log.Error("how long the ledger is kept cannot be read: nothing is deleted", "version", d.Version, "err", err)
				continue
			}
		}
		n, err := w.deliveries.Forget(ctx, w.now().Add(-set.Keep()))
		if err != nil {
			w.log.Warn("old deliveries are deleted later", "err", err)
			timer.Reset(time.Hour)
			continue
		}
		if n > 0 {
			w.log.Info("old deliveries are deleted", "rounds", n)
		}
	}
}
