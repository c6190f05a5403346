package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/state"
	"rekey/state/local"
	"rekey/state/statetest"
)

func opened(t *testing.T, path string) *local.Journal {
	t.Helper()
	j, err := local.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

// seen is everything that can be asked of a store.
func seen(t *testing.T, s statetest.Store) map[string]any {
	t.Helper()
	all := map[string]any{}
	note := func(what string, v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all[what] = v
	}
	ctx := context.WithoutCancel(t.Context()) // it is asked in cleanups, too
	open, err := s.Open(ctx)
	note("open", open, err)
	closed, err := s.Closed(ctx, 10_000)
	note("closed", closed, err)
	pending, err := s.Pending(ctx, 10_000)
	note("pending", pending, err)
	hints, err := s.Hints(ctx, 0, 10_000)
	note("hints", hints, err)
	decided, err := s.Decided(ctx)
	note("decided", decided, err)
	keys, next, err := s.Due(ctx, time.UnixMilli(1), 10_000)
	note("due", keys, err)
	note("next", next, nil)
	for _, r := range append(open, closed...) {
		events, err := s.Events(ctx, r.Key, 0, 10_000)
		note("events "+r.Key, events, err)
		rows, err := s.Rows(ctx, r.Key, 10_000)
		note("rows "+r.Key, rows, err)
		refs, err := s.Refs(ctx, r.Key)
		note("refs "+r.Key, refs, err)
		for _, ref := range refs {
			key, name, err := s.FindRef(ctx, ref)
			note("ref "+ref, key+" "+name, err)
		}
		decisions, err := s.Decisions(ctx, r.Key)
		note("decisions "+r.Key, decisions, err)
	}
	return all
}

// TestJournal: it is a store like the others, and what each part of the suite
// left is found again by whoever opens the file.
func TestJournal(t *testing.T) {
	statetest.Run(t, func(t *testing.T) statetest.Backend {
		path := filepath.Join(t.TempDir(), "journal")
		j := opened(t, path)
		damaged := false
		t.Cleanup(func() {
			if damaged {
				return
			}
			before := seen(t, j)
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(before, seen(t, opened(t, path))); diff != "" {
				t.Errorf("opened again (-before +after):\n%s", diff)
			}
		})
		return statetest.Backend{
			Open:   func(*testing.T) statetest.Store { return j },
			Elapse: func(_ *testing.T, d time.Duration) { j.Elapse(d) },
			Damage: func(_ *testing.T, key string) { damaged = true; j.Damage(key) },
		}
	})
}

// told makes a record with some history.
func told(t *testing.T, s statetest.Store, key string, events int) {
	t.Helper()
	ctx := t.Context()
	err := s.Create(ctx, state.Creation{Key: key, Slots: []string{"secret/" + key}, Change: state.Change{Body: []byte("1"), Timer: time.Now(), Events: []state.Event{{Body: []byte("0"), Post: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Claim(ctx, key, "one", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < events; n++ {
		if _, err := s.Commit(ctx, l, int64(n), state.Change{Body: fmt.Append(nil, n+1), Timer: time.Now(), Events: []state.Event{{Body: fmt.Append(nil, n), Post: n%2 == 0}}}); err != nil {
			t.Fatal(err)
		}
	}
	post, err := s.Claim(ctx, "post/"+key, "one", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(s.Delivered(ctx, post, key, 1, map[string]string{"root": "C/" + key}), s.Decide(ctx, key, "1/U", []byte("yes")), s.Release(ctx, l), s.Release(ctx, post))
	if err != nil {
		t.Fatal(err)
	}
}

// TestCutAnywhere: wherever the writing broke off, what was told to be kept is
// there, and nothing but it.
func TestCutAnywhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := opened(t, path)
	told(t, j, "rotation/a", 4)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for cut := range len(whole) {
		if cut%9 > 0 && cut > 0 && whole[cut-1] != '\n' && whole[cut] != '\n' {
			continue // every end of a line, and a sample of the rest
		}
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again := opened(t, path)
		want, got := 0, int64(0)
		for rest, n := cut, 0; n < len(lines) && rest >= len(lines[n]); n++ {
			rest -= len(lines[n])
			want++
		}
		if r, err := again.Load(t.Context(), "rotation/a"); err == nil {
			got = r.Revision
		}
		if got != int64(min(want, 4)) {
			t.Errorf("cut after %d bytes, %d lines: revision %d", cut, want, got)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadFile(path); err != nil || bytes.Count(left, []byte("\n")) != want {
			t.Errorf("cut after %d bytes: %d lines are left, not %d", cut, bytes.Count(left, []byte("\n")), want)
		}
	}
}

// TestDamaged: a line that is wrong before the last is no end of writing, and is
// named.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := opened(t, path)
	told(t, j, "rotation/a", 3)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range bytes.IndexByte(whole, '\n') {
		bad := bytes.Clone(whole)
		bad[at] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := local.Open(path); err == nil {
			t.Errorf("byte %d is wrong, and it was opened", at)
			_ = j.Close()
		}
		if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, bad) {
			t.Errorf("a damaged file was changed: %v", err)
		}
	}
}

// TestOneProcess: nobody opens the file beside another, and nothing is kept after
// it was closed.
func TestOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := opened(t, path)
	if _, err := local.Open(path); !errors.Is(err, local.ErrBusy) {
		t.Errorf("opened twice: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Create(t.Context(), state.Creation{Key: "rotation/a"}); err == nil {
		t.Error("it keeps what nobody will find")
	}
	if _, err := j.Load(t.Context(), "rotation/a"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("what was not kept is there: %v", err)
	}
	opened(t, path)
}

// TestCopy: a journal arrives whole, however often, and wherever it was broken
// off before; what went on there since is left alone.
func TestCopy(t *testing.T) {
	all := func(string) bool { return true }
	j := opened(t, filepath.Join(t.TempDir(), "journal"))
	told(t, j, "rotation/a", 250)
	told(t, j, "rotation/b", 3)
	if first, err := j.Once(t.Context(), "sent/rotation/b/2", time.Hour); err != nil || !first {
		t.Fatal(first, err)
	}
	l, err := j.Claim(t.Context(), "rotation/b", "one", time.Minute)
	if err == nil {
		_, err = j.Commit(t.Context(), l, 3, state.Change{Body: []byte("over"), Close: true, Events: []state.Event{{Body: []byte("end"), Post: true}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for broken := range 6 {
		to, commits := statetest.NewMemory(), 0
		to.Fail = func(string, state.Change) error {
			if commits++; commits == broken {
				return errors.New("the connection broke")
			}
			return nil
		}
		for range 2 {
			_, _ = j.CopyTo(t.Context(), to, all) // breaks off
			to.Elapse(time.Minute)                // of the lease that was held
		}
		done, err := j.CopyTo(t.Context(), to, all)
		if err != nil || len(done) != 2 {
			t.Fatalf("broken at commit %d: %v, %v", broken, done, err)
		}
		for _, key := range done {
			same(t, to, j, key)
		}
		if first, err := to.Once(t.Context(), "sent/rotation/b/2", time.Hour); err != nil || first {
			t.Errorf("what was sent once would be sent as if it had not been: %v", err)
		}
	}
}

func same(t *testing.T, to, from statetest.Store, key string) {
	t.Helper()
	of := func(s statetest.Store) map[string]any {
		all := map[string]any{}
		for what, v := range seen(t, s) {
			all[what] = v
		}
		r, err := s.Load(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		events := all["events "+key].([]state.Event)
		for i := range events {
			events[i].Post = false // told before, or not: the rows say it
		}
		return map[string]any{"body": string(r.Body), "open": r.Open, "timer": r.Timer, "events": events, "rows": all["rows "+key], "refs": all["refs "+key], "decisions": all["decisions "+key]}
	}
	if diff := cmp.Diff(of(from), of(to)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", key, diff)
	}
}

// TestCopyBeside: what is there already is another's, or has gone on.
func TestCopyBeside(t *testing.T) {
	all := func(string) bool { return true }
	j := opened(t, filepath.Join(t.TempDir(), "journal"))
	told(t, j, "rotation/a", 3)
	to := statetest.NewMemory()
	if err := to.Create(t.Context(), state.Creation{Key: "rotation/z", Slots: []string{"secret/rotation/a"}}); err != nil {
		t.Fatal(err)
	}
	var taken *state.SlotError
	if _, err := j.CopyTo(t.Context(), to, all); !errors.As(err, &taken) || taken.Holder != "rotation/z" {
		t.Errorf("beside an open one of the same secret: %v", err)
	}
	to = statetest.NewMemory()
	if err := to.Create(t.Context(), state.Creation{Key: "rotation/a", Change: state.Change{Events: []state.Event{{Body: []byte("other")}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := j.CopyTo(t.Context(), to, all); !errors.Is(err, local.ErrOther) {
		t.Errorf("under the key of another: %v", err)
	}
	to = statetest.NewMemory()
	if _, err := j.CopyTo(t.Context(), to, all); err != nil {
		t.Fatal(err)
	}
	l, err := to.Claim(t.Context(), "rotation/a", "bot", time.Minute)
	if err == nil {
		var r state.Record
		if r, err = to.Load(t.Context(), "rotation/a"); err == nil {
			_, err = to.Commit(t.Context(), l, r.Revision, state.Change{Body: []byte("went on"), Events: []state.Event{{Body: []byte("more")}}, Release: true})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.CopyTo(t.Context(), to, all); err != nil {
		t.Fatal(err)
	}
	if r, err := to.Load(t.Context(), "rotation/a"); err != nil || string(r.Body) != "went on" {
		t.Errorf("what went on was put back: %q, %v", r.Body, err)
	}
	if done, err := j.CopyTo(t.Context(), to, func(string) bool { return false }); err != nil || len(done) > 0 {
		t.Errorf("what nobody wanted: %v, %v", done, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte("00000000 {}\n"))
	f.Add([]byte("d202ef8d {\"v\":1}\nx"))
	f.Fuzz(func(t *testing.T, body []byte) {
		path := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		if j, err := local.Open(path); err == nil {
			seen(t, j)
			_ = j.Close()
		}
	})
}
