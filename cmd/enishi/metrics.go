package main

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"enishi/segments/audiences"
)

// metrics is what /metrics shows: counters of each part, read when asked.
type metrics struct{ registry *prometheus.Registry }

func newMetrics() *metrics {
	m := &metrics{prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// add registers a workspace's counters.
func (m *metrics) add(w *workspace) {
	labels := prometheus.Labels{"workspace": w.name}
	counter := func(name, help string, f func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "enishi_" + name, Help: help, ConstLabels: labels}, f))
	}
	gauge := func(name, help string, f func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "enishi_" + name, Help: help, ConstLabels: labels}, f))
	}
	counter("ingest_records_total", "Source records read.", func() float64 { return float64(w.ingester.Stats().Records) })
	counter("ingest_dead_total", "Source records that could not be taken.", func() float64 { return float64(w.ingester.Stats().Dead) })
	counter("fold_events_total", "Events folded.", func() float64 { return float64(w.folder.Stats().Events) })
	counter("fold_repeats_total", "Events that were known already.", func() float64 { return float64(w.folder.Stats().Repeats) })
	counter("fold_messages_total", "Messages decided.", func() float64 { return float64(w.folder.Stats().Messages) })
	counter("fold_timers_total", "Timer records folded.", func() float64 { return float64(w.folder.Stats().Timers) })
	counter("fold_checkpoints_total", "Checkpoints saved.", func() float64 { return float64(w.folder.Stats().Checkpoints) })
	gauge("partitions_owned", "Partitions of events that this replica folds.", func() float64 {
		if !w.runner.Ready() {
			return 0
		}
		return float64(len(w.folder.Owned()))
	})
	gauge("oldest_due_seconds", "How long the oldest due timer waits.", func() float64 {
		oldest := 0.0
		for _, p := range w.folder.Progress() {
			if !p.OldestDue.IsZero() {
				oldest = max(oldest, w.folder.Clock().Now(time.Now()).Sub(p.OldestDue).Seconds())
			}
		}
		return oldest
	})
	m.registry.MustRegister(audienceMetrics{func() audiences.Stats {
		if w.api == nil { // is built later
			return audiences.Stats{}
		}
		return w.api.AudienceStats()
	}, labels})
}

// audienceMetrics are figures of audiences, whose names are known only when they are asked for.
type audienceMetrics struct {
	stats  func() audiences.Stats
	labels prometheus.Labels
}

// Describe says nothing beforehand: which audiences there are changes.
func (audienceMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect tells the figures of now.
func (m audienceMetrics) Collect(out chan<- prometheus.Metric) {
	s := m.stats()
	tell := func(name, help string, kind prometheus.ValueType, value float64, label string, of ...string) {
		var names []string
		if label != "" {
			names = []string{label}
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("enishi_audience_"+name, help, names, m.labels), kind, value, of...)
	}
	tell("runs_total", "Runs of audiences that ended.", prometheus.CounterValue, float64(s.Runs), "")
	tell("seconds_total", "Seconds worked at audiences, waits for platforms included.", prometheus.CounterValue, s.Seconds, "")
	for class, n := range s.Calls {
		tell("calls_total", "Calls to advertising platforms, by the class of their problem.", prometheus.CounterValue, float64(n), "class", class)
	}
	for name, n := range s.People {
		tell("people", "People in the list of an audience.", prometheus.GaugeValue, float64(n), "audience", name)
		problem := 0.0
		if s.Problems[name] != "" {
			problem = 1
		}
		tell("problem", "1 while an audience has a problem.", prometheus.GaugeValue, problem, "audience", name)
	}
}
