package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPullFiles: a file that a carrier's or shop's system puts into a folder comes in by itself, once, also when the process is killed in
// the middle; its bad row is written back; the command tries, looks now and lists.
func TestPullFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real process")
	}
	t.Parallel()
	const many = 20_000
	dir, data := t.TempDir(), t.TempDir()
	env := []string{"ENISHI_PLACES__SHOP__DIR=" + dir}
	s := start(t, env, "--data", data)
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var b strings.Builder
	b.WriteString("注文番号,注文日,メール,合計,メルマガ\n")
	for i := range many {
		total := "1200"
		if i == 7 {
			total = "千二百円"
		}
		fmt.Fprintf(&b, "A%05d,2025/11/20 10:00,p%d@x.test,%s,希望しない\n", i, i, total)
	}
	definitions := filepath.Join(t.TempDir(), "pull.yaml")
	if err := os.WriteFile(definitions, []byte(ordersMapping+"---\nkind: filepull\nname: daily\nbody: {title: {ja: 受注}, place: shop, pattern: \"orders-*.csv\", mapping: shop-orders, at: \""+halfADayAway()+"\", ready: .done, after: move}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.enishi("apply", definitions)
	if text := s.enishi("pull", "daily", "--dry-run"); !strings.Contains(text, "nothing new") {
		t.Errorf("an empty folder: %s", text)
	}
	write("orders-1.csv", b.String())
	write("orders-1.csv.done", "")
	if text := s.enishi("pull", "daily", "--dry-run"); !strings.Contains(text, "orders-1.csv\tnew") || !strings.Contains(text, fmt.Sprintf("would import %d events", many-1)) || !strings.Contains(text, "line 9: 合計") {
		t.Errorf("dry run: %s", text)
	}
	if err := s.call("POST", "/file-pulls/daily/run", nil, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, 60*time.Second, "it is in the middle", func() error {
		var all struct{ Items []importedFile }
		if err := s.call("GET", "/imports", nil, &all); err != nil {
			return err
		}
		if len(all.Items) == 1 && all.Items[0].State == "running" && all.Items[0].Events > 1000 {
			return nil
		}
		if _, err := os.Stat(filepath.Join(dir, "orders-1.csv")); err != nil {
			return nil // it was quicker than we looked
		}
		return errors.New("not yet")
	})
	s.kill()
	s = start(t, env, "--data", data)
	eventually(t, 90*time.Second, "the file is taken", func() error {
		if text := s.enishi("pull"); !strings.Contains(text, "daily") || !strings.Contains(text, "  ok  ") {
			return errors.New(text)
		}
		if _, err := os.Stat(filepath.Join(dir, "orders-1.csv.rejects.csv")); err != nil {
			return err
		}
		if done, err := filepath.Glob(filepath.Join(dir, "done", "*-orders-1.csv")); err != nil || len(done) != 1 {
			return fmt.Errorf("moved to %v: %w", done, err)
		}
		return nil
	})
	eventually(t, 90*time.Second, "everybody ordered once", func() error {
		var got struct{ Count int64 }
		if err := s.call("POST", "/segments/count", map[string]any{"expression": "orders_count == 1 && ltv == 1200"}, &got); err != nil || got.Count != many-1 {
			return fmt.Errorf("%d people: %w", got.Count, err)
		}
		return nil
	})
	write("orders-2.csv", "注文番号,注文日\n1,2\n")
	write("orders-2.csv.done", "")
	var text bytes.Buffer
	if code := run([]string{"pull", "daily", "--addr", s.base}, streams{out: &text, err: &text, environ: func() []string { return nil }}); code != 1 || !strings.Contains(text.String(), "failed") || !strings.Contains(text.String(), "1 refused") {
		t.Errorf("a file without its columns: %d %s", code, text.String())
	}
	eventually(t, 20*time.Second, "somebody is told", func() error {
		var alerts struct {
			Items []struct{ Kind, Href, TextJA string }
		}
		if err := s.call("GET", "/alerts", nil, &alerts); err != nil {
			return err
		}
		for _, a := range alerts.Items {
			if a.Kind == "file_pull" && a.Href == "/imports" {
				return nil
			}
		}
		return fmt.Errorf("%+v", alerts)
	})
}
