package channels

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"enishi"
)

// InHand is a process's own note of what is at a provider this very moment. Intents are written to the ledger hundreds
// ahead; the note tells the few that were really handed over when the process was killed from those that were not. Its
// lines reach the system's memory, not the disk: they outlive the process and not the machine, so a note counts only
// while the machine that it was written on has not been started again.
//
// An intent in the ledger names the note of the process that wrote it (Row.Owner). Whoever takes over and finds that note in
// its own folder, of a process that has ended for certain, knows: no line is never begun, a line with an outcome is that
// outcome, a line without one is in doubt. Without the note everything is in doubt.
//
//   - ID ROUND ATTEMPT                     the provider may take it from now on
//     = ID ROUND ATTEMPT "CODE" "PROVIDER"   it took it
//   - ID ROUND ATTEMPT                     it did not, for certain
type InHand struct {
	dir   string
	boot  string
	owner enishi.ID
	log   *slog.Logger

	mu    sync.Mutex
	file  *os.File
	write func(line []byte) error // to file
	size  int
	open  map[handKey]mark // what the ledger does not tell yet
	past  map[enishi.ID]map[handKey]mark
}

// handKey names a call to a provider: a round of a send, or a group with round 0.
type handKey struct {
	id    enishi.ID
	round int
}

type mark struct {
	attempt        int
	outcome        byte // + begun, = taken, - not taken
	code, provider string
}

const (
	handHeader  = "enishi in hand 1"
	handEnding  = ".in-hand"
	handRewrite = 1 << 20 // a note of this many bytes is begun anew with what still counts
	handKeep    = 50      // notes of processes that have ended
	bootFile    = "/proc/sys/kernel/random/boot_id"
)

// OpenInHand begins a note in a folder, which it makes if need be. Notes of earlier processes are left there for a while.
func OpenInHand(dir string, log *slog.Logger) (*InHand, error) {
	boot, err := os.ReadFile(bootFile)
	if err != nil {
		return nil, fmt.Errorf("tell one start of the machine from another: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the note of what is in hand: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &InHand{dir: dir, boot: strings.TrimSpace(string(boot)), log: log, open: map[handKey]mark{}, past: map[enishi.ID]map[handKey]mark{}}
	if _, err := rand.Read(h.owner[:]); err != nil {
		return nil, fmt.Errorf("open the note of what is in hand: %w", err)
	}
	h.write = h.append
	h.tidy()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.rewrite(); err != nil {
		return nil, err
	}
	return h, nil
}

// Close ends the note; what is begun after it fails. Nothing of it is lost.
func (h *InHand) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file == nil {
		return nil
	}
	err := h.file.Close() // lets go of the lock
	h.file = nil
	return err
}

// id is what intents name; zero without a note.
func (h *InHand) id() enishi.ID {
	if h == nil {
		return enishi.ID{}
	}
	return h.owner
}

func (h *InHand) path(owner enishi.ID) string {
	return filepath.Join(h.dir, owner.String()+handEnding)
}

// begin notes that the provider may take it from now on. After an error it must not be handed over.
func (h *InHand) begin(k handKey, attempt int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.size > handRewrite && h.size > 4*len(h.open)*64 {
		if err := h.rewrite(); err != nil {
			return err
		}
	}
	m := mark{attempt: attempt, outcome: '+'}
	if err := h.write(line(nil, k, m)); err != nil {
		return fmt.Errorf("note what is in hand: %w", err)
	}
	h.open[k] = m
	return nil
}

// ended notes the outcome of what was begun. A line that cannot be written leaves it in doubt after a crash.
func (h *InHand) ended(k handKey, attempt int, outcome byte, code, provider string) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.open[k]; m.outcome != '+' || m.attempt != attempt {
		return // not begun, or told already
	}
	m := mark{attempt, outcome, code, provider}
	if err := h.write(line(nil, k, m)); err != nil {
		h.log.Error("note what is in hand", "err", err)
		return
	}
	h.open[k] = m
}

// forget drops what the ledger tells by now.
func (h *InHand) forget(keys ...handKey) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, k := range keys {
		delete(h.open, k)
	}
}

// found tells what an earlier process's note says of an intent: the mark, and whether it was begun at all. Not ok: there is
// no such note, its process may still be running, or the machine was started since.
func (h *InHand) found(owner enishi.ID, k handKey, attempt int) (m mark, begun, ok bool) {
	if h == nil || owner.IsZero() || owner == h.owner {
		return mark{}, false, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	marks, read := h.past[owner]
	if !read {
		var err error
		if marks, err = h.read(h.path(owner)); err != nil {
			h.log.Info("no note of what was in hand can be used: what was about to leave is in doubt", "owner", owner, "err", err)
		}
		h.past[owner] = marks
	}
	if marks == nil {
		return mark{}, false, false
	}
	if m, begun = marks[k]; m.attempt < attempt { // an earlier try, which was not taken: else the intent would name nobody
		return mark{}, false, true
	}
	return m, begun, true
}

// read reads the note of a process that has ended.
func (h *InHand) read(path string) (map[handKey]mark, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		return nil, fmt.Errorf("its process is running: %w", err)
	}
	r := bufio.NewReader(f)
	header, err := r.ReadString('\n')
	if err != nil || header != handHeader+" "+h.boot+"\n" {
		return nil, errors.New("the machine was started since")
	}
	marks := map[handKey]mark{}
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return marks, nil // a line that was cut off had not been written when the process ended
		}
		k, m, err := parseLine(text)
		if err != nil {
			return nil, err
		}
		marks[k] = m
	}
}

// rewrite begins the note's file anew with what still counts. mu is held.
func (h *InHand) rewrite() error {
	b := []byte(handHeader + " " + h.boot + "\n")
	for k, m := range h.open {
		b = line(b, k, m)
	}
	path := h.path(h.owner)
	fresh, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("begin the note of what is in hand: %w", err)
	}
	err = unix.Flock(int(fresh.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		_, err = fresh.Write(b)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("begin the note of what is in hand: %w", err), fresh.Close())
	}
	if h.file != nil {
		_ = h.file.Close() // nobody reads it any more
	}
	h.file, h.size = fresh, len(b)
	return nil
}

// append writes a line. A part of one that could not be written whole is taken back, so that the next line begins a line.
func (h *InHand) append(b []byte) error {
	if h.file == nil {
		return os.ErrClosed
	}
	n, err := h.file.Write(b)
	if h.size += n; err != nil && n > 0 {
		h.size -= n
		return errors.Join(err, h.file.Truncate(int64(h.size)))
	}
	return err
}

// tidy deletes the notes of processes that ended long ago.
func (h *InHand) tidy() {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.log.Warn("old notes of what was in hand are left", "err", err)
		return
	}
	type old struct {
		path string
		at   int64
	}
	var olds []old
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && info.Mode().IsRegular() && strings.Contains(e.Name(), handEnding) {
			olds = append(olds, old{filepath.Join(h.dir, e.Name()), info.ModTime().UnixNano()})
		}
	}
	slices.SortFunc(olds, func(a, b old) int { return cmp.Compare(b.at, a.at) })
	for _, o := range olds[min(handKeep, len(olds)):] {
		f, err := os.Open(o.path)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil { // else its process is running
			if err := os.Remove(o.path); err != nil {
				h.log.Warn("an old note of what was in hand is left", "err", err)
			}
		}
		_ = f.Close() // was only read
	}
}

// line writes a mark behind b.
func line(b []byte, k handKey, m mark) []byte {
	b = append(b, m.outcome, ' ')
	b = append(b, k.id.String()...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(k.round), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(m.attempt), 10)
	if m.outcome == '=' {
		b = append(b, ' ')
		b = strconv.AppendQuote(b, clip(m.code, 200))
		b = append(b, ' ')
		b = strconv.AppendQuote(b, clip(m.provider, 200))
	}
	return append(b, '\n')
}

func parseLine(text string) (handKey, mark, error) {
	var k handKey
	var m mark
	var id string
	fields := strings.SplitN(strings.TrimSuffix(text, "\n"), " ", 5)
	bad := fmt.Errorf("the line %q is not understood", clip(text, 100))
	if len(fields) < 4 || len(fields[0]) != 1 || !strings.Contains("+=-", fields[0]) {
		return k, m, bad
	}
	m.outcome, id = fields[0][0], fields[1]
	var errs [3]error
	k.id, errs[0] = enishi.ParseID(id)
	k.round, errs[1] = strconv.Atoi(fields[2])
	m.attempt, errs[2] = strconv.Atoi(fields[3])
	if err := errors.Join(errs[:]...); err != nil {
		return k, m, bad
	}
	if m.outcome == '=' {
		if len(fields) != 5 {
			return k, m, bad
		}
		if _, err := fmt.Fscanf(bytes.NewReader([]byte(fields[4])), "%q %q", &m.code, &m.provider); err != nil {
			return k, m, bad
		}
	}
	return k, m, nil
}

// noted lets the channel's call of a message be noted.
func (sh *shard) noted(m *Rendered, k handKey, attempt int) {
	h := sh.s.cfg.InHand
	if h == nil {
		return
	}
	m.Begin = func() error { return h.begin(k, attempt) }
	m.End = func(r Receipt, err error) { h.came(k, attempt, r, err) }
}

// called notes what a call gave, and reads its error.
func (sh *shard) called(k handKey, attempt int, r Receipt, err error) *SendError {
	sh.s.cfg.InHand.came(k, attempt, r, err)
	if err == nil {
		return nil
	}
	return asSendError(err)
}

// came notes what came of a call; one in doubt has no outcome.
func (h *InHand) came(k handKey, attempt int, r Receipt, err error) {
	switch {
	case err == nil && len(r.ProviderID) > 200: // an answer that is not noted whole: the call is made again, with its id
	case err == nil:
		h.ended(k, attempt, '=', r.Code, r.ProviderID)
	case asSendError(err).verdict != verdictUnknown:
		h.ended(k, attempt, '-', "", "")
	}
}

// told forgets what is noted of a call when what is on its way to the ledger is there.
func (sh *shard) told(k handKey) {
	if h := sh.s.cfg.InHand; h != nil {
		sh.s.flow.store(false, nil, func() { h.forget(k) })
	}
}

// ownerOf is the note that an intent names: none for what is in doubt already, because a note tells of one try only.
func (sh *shard) ownerOf(e *entry) enishi.ID {
	if e.doubt {
		return enishi.ID{}
	}
	return sh.s.cfg.InHand.id()
}
