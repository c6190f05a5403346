package chat

import (
	"bytes"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/rotation/watch"
	"rekey/state"
)

// watched is a rotation whose watch has just passed.
func (w *world) watched(t *testing.T) {
	t.Helper()
	w.begins(1)
	w.looks(t)
	pass(3 * time.Second)
	w.judges(watch.Passed)
}

func TestTheChartFollowsItsLine(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.watched(t)
		pass(5 * time.Second)
		all := w.slack.pictures()
		if len(all) != 1 || all[0].thread != w.ref("root") || all[0].text != "" {
			t.Fatalf("charts: %+v\n%s", all, w.slack.transcript())
		}
		f := all[0].file
		if f.name != "watch-k3v9q2m7xa-1.png" || f.title != "FAL_KEY: watch of production" || !strings.Contains(f.alt, "passed. 1 of 1 looks were good") {
			t.Errorf("the file: %q %q %q", f.name, f.title, f.alt)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(f.body)); err != nil {
			t.Error(err)
		}
		thread := w.slack.thread()
		if line := slices.IndexFunc(thread, func(text string) bool { return strings.Contains(text, "Watch: passed") }); line != len(thread)-2 {
			t.Errorf("thread: %q", thread)
		}
		if len(w.store.hints) != 0 {
			t.Errorf("hints are left: %v", w.store.hints)
		}
	})
}

// The report comes last, after the chart of the watch before it, unless Slack
// takes too long with that.
func TestTheReportWaitsForTheChart(t *testing.T) {
	for name, away := range map[string]bool{"in time": false, "not in time": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.begins(1)
				w.looks(t)
				pass(3 * time.Second)
				if away {
					w.slack.fail("files.getUploadURLExternal", slices.Repeat([]fault{{status: 503}}, 100)...)
				}
				w.judges(watch.Passed)
				w.store.tell(key, event.Event{Kind: event.Reported, Text: "Both certificates are there."})
				pass(30 * time.Second)
				report := w.slack.messages[len(w.slack.messages)-1]
				if !strings.Contains(report.text, "is rotated") || (len(w.slack.pictures()) == 0) != away {
					t.Errorf("the end of the thread: %q, %d charts", report.text, len(w.slack.pictures()))
				}
			})
		})
	}
}

// One chart, whatever goes wrong on its way: only an answer that was lost after
// it may have been shown makes a second one, marked, and not even that where
// the thread may be read.
func TestOneChartWhateverGoesWrong(t *testing.T) {
	cases := map[string]struct {
		method string
		faults []fault
		allow  bool // reading the thread
		want   []string
	}{
		"limited":                  {"files.getUploadURLExternal", []fault{{status: 429, header: map[string]string{"Retry-After": "3"}}}, false, []string{""}},
		"down":                     {"files.getUploadURLExternal", []fault{{status: 503}, {lost: true}, {dial: true}}, false, []string{""}},
		"bytes lost":               {"upload", []fault{{status: 500}, {status: 502}}, false, []string{""}},
		"refused at the end":       {"files.completeUploadExternal", []fault{{word: "file_not_found"}, {status: 429}}, false, []string{""}},
		"lost before its effect":   {"files.completeUploadExternal", []fault{{status: 503}}, false, []string{render.Copied}},
		"lost after its effect":    {"files.completeUploadExternal", []fault{{lost: true}}, false, []string{"", render.Copied}},
		"lost, and looked up":      {"files.completeUploadExternal", []fault{{lost: true}}, true, []string{""}},
		"lost, and not there":      {"files.completeUploadExternal", []fault{{status: 503}}, true, []string{render.Copied}},
		"a scope is missing":       {"files.getUploadURLExternal", slices.Repeat([]fault{{word: "missing_scope", needed: "files:write"}}, 20), false, nil},
		"uploads are switched off": {"files.getUploadURLExternal", slices.Repeat([]fault{{word: "file_uploads_disabled"}}, 20), false, nil},
		"never":                    {"files.getUploadURLExternal", slices.Repeat([]fault{{status: 503}}, 500), false, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.slack.fail(c.method, c.faults...)
				w.watched(t)
				pass(10 * time.Minute)
				var got []string
				for _, m := range w.slack.pictures() {
					got = append(got, m.text)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("charts with the words %q, want %q", got, c.want)
				}
				if len(w.store.hints) != 0 {
					t.Errorf("hints are left: %v", w.store.hints)
				}
				calls := len(w.slack.called(methodAnnounce))
				if said := w.log.String(); c.want == nil && (!strings.Contains(said, "left out of the thread") || calls > 12) {
					t.Errorf("%d calls, and the log says %s", calls, said)
				}
			}, func(conf *Config) { conf.History, conf.ChartFor = c.allow, 5*time.Minute })
		})
	}
}

// A list of duties that was made before the chart was shown names it still: who
// takes it up then shows nothing.
func TestAListOfDutiesMayBeOld(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.begins(1)
		w.looks(t)
		pass(3 * time.Second)
		var old []state.Hint
		w.slack.fail("files.getUploadURLExternal", fault{status: 503})
		w.judges(watch.Passed)
		for len(old) == 0 {
			pass(100 * time.Millisecond)
			old = slices.DeleteFunc(mustHints(t, w), func(h state.Hint) bool { return !strings.HasPrefix(h.Name, hintChart) })
		}
		pass(time.Minute)
		for _, h := range old {
			w.chat.takeUp(t.Context(), h)
		}
		if all := w.slack.pictures(); len(old) != 1 || len(all) != 1 {
			t.Errorf("%d duties, %d charts", len(old), len(all))
		}
	})
}

func mustHints(t *testing.T, w *world) []state.Hint {
	t.Helper()
	all, err := allHints(t.Context(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A watch that was begun anew before its chart was drawn has none of its own.
func TestNoChartOfAWatchThatIsGone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.begins(2)
		pass(3 * time.Second)
		for _, n := range []int{1, 2, 3} {
			if err := w.store.Hint(t.Context(), hint{hintChart, key, n}.String()); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		if all := w.slack.pictures(); len(all) != 0 || len(w.store.hints) != 0 {
			t.Errorf("%d charts, hints %v", len(all), w.store.hints)
		}
	})
}

func TestTheEndIsMarked(t *testing.T) {
	r := &rotation.Rotation{Secret: "FAL_KEY", Deploys: map[string]rotation.Deployment{rotation.Production: {Live: time.Unix(100, 0)}},
		Ends: map[string]rotation.Ending{rotation.Production: {Sent: time.Unix(200, 0)}}}
	for _, env := range []string{rotation.Production, ""} {
		r.Ends = map[string]rotation.Ending{env: {Sent: time.Unix(200, 0)}}
		w := drawing(r, &rotation.Vigil{}, rotation.Step{Act: rotation.WatchAfter})
		if !w.After || len(w.Marks) != 2 || !w.Marks[0].At.Equal(time.Unix(100, 0)) || !w.Marks[1].At.Equal(time.Unix(200, 0)) {
			t.Errorf("%q: %+v", env, w)
		}
	}
}
