//go:build !release

package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// allTimeout bounds the demonstration of all secrets at once, at speed 1: their
// posts share a channel, which takes one a second.
const allTimeout = 240 * time.Second

// allResult is the last line of such a demonstration with --json.
type allResult struct {
	Secrets     []*played `json:"secrets"`
	AppRequests int       `json:"app_requests"` // pages; each needs every secret
	AppFailed   int       `json:"app_failed"`   // parts of pages, over all secrets
	Leaks       int       `json:"leaks"`
	Seconds     float64   `json:"seconds"` // from the first command to the last report

	broken []string // what concerns no single secret
}

// playable lists the secrets that can be played.
func playable() []string { return slices.Sorted(maps.Keys(ledgers)) }

// runAll plays every secret at once and returns the exit code.
func runAll(ctx context.Context, o sandboxOptions, p process) int {
	say := sayer(p)
	result, err := playAll(ctx, o, say)
	if err != nil {
		p.print(p.err, "rekey: "+err.Error()+"\n")
	}
	if result == nil {
		return exitFailed
	}
	result.tell(say)
	if !p.last(o, result) || err != nil || !result.good() {
		return exitFailed
	}
	return exitDone
}

// playAll runs one sandbox in which people rotate every secret at once, and
// judges the world.
func playAll(ctx context.Context, o sandboxOptions, say func(string, ...any)) (*allResult, error) {
	var scripts []script
	for _, secret := range playable() {
		scripts = append(scripts, script{secret: secret, emergency: o.emergency, together: o.emergency})
	}
	return playScripts(ctx, o, scripts, say)
}

// playScripts plays several stories in one sandbox. Rotations that do not come
// to their end still give a result, beside the error.
func playScripts(ctx context.Context, o sandboxOptions, scripts []script, say func(string, ...any)) (*allResult, error) {
	ctx, cancel := tooLong(ctx, o, allTimeout)
	defer cancel()
	for _, s := range scripts {
		o.also = append(o.also, s.secret)
	}
	th, err := openTheatre(ctx, o, say)
	if err != nil {
		return nil, err
	}
	defer th.box.close()
	var demos []*demo
	for _, s := range scripts {
		if s.arrange != nil {
			s.arrange(th.box)
		}
		demos = append(demos, &demo{theatre: th, play: s})
	}
	if err := th.before(ctx, scripts...); err != nil {
		return nil, err
	}
	began := time.Now()
	err = th.narrated(ctx, func(ctx context.Context) error { return th.together(ctx, demos) })
	took := time.Since(began)
	for _, d := range demos {
		err = errors.Join(err, d.keepFiles(o.files))
	}
	v, judged := th.judge(context.WithoutCancel(ctx), demos...)
	all := &allResult{Secrets: v.results, Leaks: v.leaks, AppRequests: v.requests, Seconds: float64(took.Milliseconds()) / 1000, broken: v.broken}
	for _, r := range all.Secrets {
		all.AppFailed += r.AppFailed
	}
	return all, errors.Join(err, judged)
}

// together plays stories side by side. One that ends badly leaves the others
// alone. Where one command begins all of them, it is typed once.
func (t *theatre) together(ctx context.Context, demos []*demo) error {
	errs := make([]error, len(demos))
	if slices.ContainsFunc(demos, func(d *demo) bool { return d.play.together }) {
		if err := t.alarm(ctx, allOfThem+" "+leaked); err != nil {
			return err
		}
	}
	var wg sync.WaitGroup
	for i, d := range demos {
		wg.Go(func() { errs[i] = d.run(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (r *allResult) good() bool {
	for _, s := range r.Secrets {
		if !s.good() {
			return false
		}
	}
	return len(r.Secrets) > 0 && r.Leaks == 0 && len(r.broken) == 0
}

func (r *allResult) tell(say func(string, ...any)) {
	for _, b := range r.broken {
		say("BROKEN: %s", b)
	}
	for _, s := range r.Secrets {
		s.tell(say)
	}
	say("%d secrets in %g s, %d leaks", len(r.Secrets), r.Seconds, r.Leaks)
}
