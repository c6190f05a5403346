package commands

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/due"
)

var update = flag.Bool("update", false, "write the golden files")

// desk is an engine that answers from fields and remembers what was asked.
type desk struct {
	overview []rotation.Overview
	open     []*rotation.Rotation
	recent   []*rotation.Rotation
	broken   []string
	preview  *rotation.Preview
	batches  []*rotation.Progress
	waited   []*rotation.Progress
	err      error
	asked    []string
}

func (d *desk) Start(_ context.Context, o rotation.Order) (*rotation.Rotation, error) {
	since := ""
	if !o.Exposed.IsZero() {
		since = " since " + o.Exposed.UTC().Format(time.RFC3339)
	}
	d.asked = append(d.asked, strings.TrimSpace(fmt.Sprintf("start %s by %s %s %s%s", o.Secret, o.Requester.ID, o.Mode, o.Reason, since)))
	return running(), d.err
}

func (d *desk) Preview(_ context.Context, name string) (*rotation.Preview, error) {
	d.asked = append(d.asked, "preview "+name)
	return d.preview, d.err
}

func (d *desk) Cancel(_ context.Context, name string, by rotation.Person) (*rotation.Rotation, error) {
	d.asked = append(d.asked, "cancel "+name+" by "+by.ID)
	return pending(), d.err
}

func (d *desk) Retry(_ context.Context, name string, by rotation.Person) (*rotation.Rotation, error) {
	d.asked = append(d.asked, "retry "+name+" by "+by.ID)
	return running(), d.err
}

func (d *desk) Rollback(_ context.Context, name string, by rotation.Person) (*rotation.Rotation, error) {
	d.asked = append(d.asked, "rollback "+name+" by "+by.ID)
	return returning(), d.err
}

func (d *desk) Snooze(_ context.Context, p rotation.Put) (rotation.Snooze, error) {
	d.asked = append(d.asked, "snooze "+p.Secret+" "+p.For.String()+" by "+p.By.ID)
	return rotation.Snooze{By: p.By, Until: time.Now().Add(p.For)}, d.err
}

func (d *desk) Unsnooze(_ context.Context, name string, by rotation.Person) error {
	d.asked = append(d.asked, "unsnooze "+name+" by "+by.ID)
	return d.err
}

func (d *desk) StartBatch(_ context.Context, a rotation.Alarm) (*rotation.Batch, error) {
	d.asked = append(d.asked, "start batch "+a.Tag+" by "+a.Requester.ID+" "+a.Reason)
	return progress(a.Tag).Batch, d.err
}

func (d *desk) CancelBatch(_ context.Context, tag string, by rotation.Person) (*rotation.CalledOff, error) {
	d.asked = append(d.asked, "cancel batch "+tag+" by "+by.ID)
	return &rotation.CalledOff{Progress: progress(tag), Kept: map[string]string{"FAL_KEY": "The end of the old key was already requested."}}, d.err
}

func (d *desk) CancelWaiting(context.Context, string, rotation.Person) ([]*rotation.Progress, error) {
	return d.waited, nil
}

func (d *desk) Batches(context.Context) ([]*rotation.Progress, error) { return d.batches, d.err }

func (d *desk) Overview(context.Context) ([]rotation.Overview, error) { return d.overview, d.err }

func (d *desk) Open(context.Context) ([]*rotation.Rotation, error) { return d.open, d.err }

func (d *desk) Recent(context.Context, int) ([]*rotation.Rotation, error) { return d.recent, d.err }

func (d *desk) Unreadable(context.Context) ([]string, error) { return d.broken, d.err }

var (
	anna    = rotation.Person{ID: "T1/U1", Name: "anna"}
	starter = rotation.Standing{Member: true, Starter: true}
)

func ask1(h *Handler, text string) Reply {
	return h.Handle(context.Background(), Request{Command: "/rotate", Text: text, Person: anna, Standing: starter})
}

func handler(d *desk) *Handler {
	return New(d, []string{"FAL_KEY", "JWT_SECRET", "ANTHROPIC_API_KEY", "NEXT_PUBLIC_HELIUS_RPC_URL"}, diagnosis{})
}

// running is a rotation in the middle of its plan.
// returning is a rotation on its way back.
func returning() *rotation.Rotation {
	r := running()
	r.Cell.Mode = rotation.Rollback
	plan, err := rotation.PlanFor(r.Cell)
	if err != nil {
		panic(err) // unreachable unless that plan is gone
	}
	r.Plan, r.Cursor = plan, 3
	r.Back = &rotation.Return{At: time.Now(), Why: "Asked for by <@U1>.", From: rotation.Routine, Step: "approve"}
	return r
}

func running() *rotation.Rotation {
	cell := rotation.Cell{Mode: rotation.Routine, Shape: providers.Overlap, Shared: true}
	plan, err := rotation.PlanFor(cell)
	if err != nil {
		panic(err) // unreachable unless the most ordinary plan is gone
	}
	return &rotation.Rotation{
		ID: "k3v9q2m7xa", Secret: "FAL_KEY", Requester: anna, Started: time.Now().Add(-10 * time.Minute), State: rotation.Running,
		Cell: cell, Plan: plan, PlanHash: strings.Repeat("ab", 32), Cursor: 4,
		Traits: providers.Traits{Kind: "fal.ai API key", Service: "fal.ai", EndIs: "deleted at once; this cannot be undone", Drain: "requests that are queued at fal.ai finish by themselves"},
		Places: map[string]rotation.Place{
			rotation.Staging:    {Old: rotation.Known{ID: "key-old", Fingerprint: "aaaaaaaabbbbbbbb"}, New: rotation.Known{ID: "key-new"}, After: map[string]rotation.Held{"FAL_KEY": {Version: 4}}},
			rotation.Production: {Old: rotation.Known{ID: "key-old", Fingerprint: "aaaaaaaabbbbbbbb"}},
		},
	}
}

func pending() *rotation.Rotation {
	r := running()
	r.State = rotation.Pending
	p := r.Places[rotation.Production]
	p.After = map[string]rotation.Held{"FAL_KEY": {Version: 8}}
	r.Places[rotation.Production] = p
	return r
}

func asking() *rotation.Rotation {
	r := pending()
	r.State = rotation.Asking
	r.Card = &rotation.Card{Number: 1, State: rotation.CardOpen, Expires: time.Now().Add(4 * time.Hour)}
	return r
}

func stuck() *rotation.Rotation {
	r := running()
	r.State = rotation.Stuck
	r.Problem = &rotation.Problem{Step: "deploy(staging)", What: "While deploying staging: the other side has an error of its own.", Safe: "Old key still valid. Nothing was revoked.", Next: "Look into it, then `/rotate retry FAL_KEY` goes on from here."}
	return r
}

func ended(state rotation.State) *rotation.Rotation {
	r := running()
	r.State, r.Ended, r.Cursor = state, time.Now().Add(-time.Hour), len(r.Plan)
	return r
}

func catalogue() []rotation.Overview {
	now := time.Now()
	const day = 24 * time.Hour
	var list []rotation.Overview
	for _, s := range rotation.Catalogue() {
		switch s.Name {
		case "FAL_KEY":
			age := due.Age{Known: true, Since: now.Add(-101 * day)}
			list = append(list, rotation.Overview{Secret: s, Age: age, Due: due.When(s.Period, age, now), Rotation: asking()})
		case "JWT_SECRET":
			age := due.Age{AtLeast: true, Since: now.Add(-30 * day)}
			list = append(list, rotation.Overview{Secret: s, Age: age, Due: due.When(s.Period, age, now), Snooze: &rotation.Snooze{By: anna, Until: now.Add(3 * day)}})
		case "ANTHROPIC_API_KEY":
			age := due.Age{Known: true, Since: now.Add(-80 * day)}
			list = append(list, rotation.Overview{Secret: s, Age: age, Due: due.When(s.Period, age, now)})
		case "NEXT_PUBLIC_HELIUS_RPC_URL":
			list = append(list, rotation.Overview{Secret: s, Due: due.When(0, due.Age{}, now), Unread: "the vault did not tell"})
		}
	}
	return list
}

func dryRun() *rotation.Preview {
	r := running()
	r.Cursor = 0
	s := rotation.Subject{Policy: rotation.Policy{Quorum: 1, Expiry: 24 * time.Hour}, AlsoIn: []string{"a partner's cron job"},
		Stages: map[string]rotation.Stage{rotation.Staging: {NoAffected: "staging makes no pictures"}}}
	s.Pace = rotation.Pace{}
	for _, c := range rotation.Catalogue() {
		if c.Name == "FAL_KEY" {
			s.Secret = c
		}
	}
	s.Watch.Window = 15 * time.Minute
	return &rotation.Preview{Subject: s, Rotation: r}
}

// Every answer, as text. The files are what reviewers read.
func TestGolden(t *testing.T) {
	tests := map[string]func() Reply{
		"list":       func() Reply { return ask1(handler(&desk{overview: catalogue()}), "") },
		"list-empty": func() Reply { return ask1(handler(&desk{}), "list") },
		"start":      func() Reply { return ask1(handler(&desk{}), "fal_key") },
		"plan":       func() Reply { return ask1(handler(&desk{preview: dryRun()}), "FAL_KEY --plan") },
		"status": func() Reply {
			return ask1(handler(&desk{open: []*rotation.Rotation{stuck()}, recent: []*rotation.Rotation{ended(rotation.Succeeded), ended(rotation.Abandoned)}}), "status")
		},
		"status-none":  func() Reply { return ask1(handler(&desk{}), "status") },
		"status-ask":   func() Reply { return ask1(handler(&desk{open: []*rotation.Rotation{asking()}}), "status FAL_KEY") },
		"status-stuck": func() Reply { return ask1(handler(&desk{open: []*rotation.Rotation{stuck()}}), "status FAL_KEY") },
		"status-ended": func() Reply {
			return ask1(handler(&desk{recent: []*rotation.Rotation{ended(rotation.Succeeded)}}), "status FAL_KEY")
		},
		"status-unreadable": func() Reply {
			return ask1(handler(&desk{open: []*rotation.Rotation{stuck()}, broken: []string{"rotation/abcdefgh23", "rotation/<!channel>"}}), "status")
		},
		"status-perhaps-unreadable": func() Reply {
			return ask1(handler(&desk{broken: []string{"rotation/abcdefgh23"}}), "status FAL_KEY")
		},
		"cancel":   func() Reply { return ask1(handler(&desk{}), "cancel FAL_KEY") },
		"retry":    func() Reply { return ask1(handler(&desk{}), "retry FAL_KEY") },
		"rollback": func() Reply { return ask1(handler(&desk{}), "rollback FAL_KEY") },
		"snooze":   func() Reply { return ask1(handler(&desk{}), "snooze FAL_KEY 7d") },
		"unsnooze": func() Reply { return ask1(handler(&desk{}), "unsnooze FAL_KEY") },
		"help":     func() Reply { return ask1(handler(&desk{}), "help") },
		"later":    func() Reply { return ask1(handler(&desk{}), "history") },
		"misfit":   func() Reply { return ask1(handler(&desk{}), "FLA_KEY") },
		"leak":     func() Reply { return ask1(handler(&desk{}), "sk-ant-api03-x7Kd9_fakefake") },
		"refused": func() Reply {
			return ask1(handler(&desk{err: &rotation.Refusal{Code: rotation.AlreadyRunning, Sentence: "A rotation of FAL_KEY is open already.", Other: asking()}}), "FAL_KEY")
		},
		"failed": func() Reply { return ask1(handler(&desk{err: errors.New("dial tcp: connection refused")}), "FAL_KEY") },
		"emergency": func() Reply {
			return handler(&desk{}).Handle(context.Background(), Request{Command: "/rotate-emergency", Text: "fal_key it leaked on github", Person: anna, Standing: starter})
		},
		"not-starter": func() Reply {
			return handler(&desk{}).Handle(context.Background(), Request{Command: "/rotate", Text: "FAL_KEY", Person: anna, Standing: rotation.Standing{Member: true}})
		},
		"not-member": func() Reply {
			return handler(&desk{}).Handle(context.Background(), Request{Command: "/rotate", Text: "FAL_KEY", Person: anna, Standing: rotation.Standing{Why: "guest", Starter: true}})
		},
	}
	for name, reply := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { golden(t, name, printed(reply())) })
		})
	}
}

func printed(r Reply) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n(%s)\n", r.Title, r.Text)
	for _, p := range r.Paragraphs {
		fmt.Fprintf(&b, "\n%s\n", p)
	}
	if len(r.Rows) > 0 {
		b.WriteString("\n")
	}
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "- %s: %s", row.Label, row.Text)
		if row.Who.ID != "" {
			fmt.Fprintf(&b, " [%s]", row.Who.ID)
		}
		if !row.When.IsZero() {
			fmt.Fprintf(&b, " [%s]", row.When.UTC().Format(time.RFC3339))
		}
		if row.ApproversOf != "" {
			fmt.Fprintf(&b, " [approvers of %s]", row.ApproversOf)
		}
		b.WriteString("\n")
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "\n> %s\n", n)
	}
	if r.Err != nil {
		fmt.Fprintf(&b, "\nlog: %v\n", r.Err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	changing := []string{"FAL_KEY", "cancel FAL_KEY", "retry FAL_KEY", "rollback FAL_KEY", "snooze FAL_KEY 7d", "unsnooze FAL_KEY"}
	reading := []string{"", "status", "status FAL_KEY", "FAL_KEY --plan", "help"}
	for _, text := range append(changing, reading...) {
		d := &desk{preview: dryRun()}
		handler(d).Handle(context.Background(), Request{Command: "/rotate", Text: text, Person: anna, Standing: rotation.Standing{Starter: true, Why: "guest"}})
		if len(d.asked) > 0 {
			t.Errorf("a guest's %q reached the engine: %v", text, d.asked)
		}
	}
	for _, text := range changing {
		d := &desk{}
		handler(d).Handle(context.Background(), Request{Command: "/rotate", Text: text, Person: anna, Standing: rotation.Standing{Member: true, Approver: true}})
		if len(d.asked) > 0 {
			t.Errorf("%q of somebody who may not start reached the engine: %v", text, d.asked)
		}
		d = &desk{}
		ask1(handler(d), text)
		if len(d.asked) != 1 || !strings.HasSuffix(d.asked[0], " by T1/U1") {
			t.Errorf("%q of a starter asked the engine %v", text, d.asked)
		}
	}
	d := &desk{preview: dryRun()}
	handler(d).Handle(context.Background(), Request{Command: "/rotate", Text: "FAL_KEY --plan", Person: anna, Standing: rotation.Standing{Member: true}})
	if len(d.asked) != 1 {
		t.Error("a member may look at a plan")
	}
}

// TestPlanTellsWhatWasNoticed: what a survey found and people should know
// before anything begins is part of the dry run.
func TestPlanTellsWhatWasNoticed(t *testing.T) {
	p := dryRun()
	p.Rotation.Traits.Notice = "nobody reads this name any more"
	if got := ask1(handler(&desk{preview: p}), "FAL_KEY --plan"); !strings.Contains(strings.Join(got.Notes, "\n"), "nobody reads this name any more") {
		t.Errorf("the notes are %q", got.Notes)
	}
}

// A pasted secret comes back in no part of any answer, whoever pastes it, with
// whichever command, and whatever the engine says.
func TestNothingIsEchoed(t *testing.T) {
	texts := []string{"zebraword", "FAL_KEY zebraword", "cancel zebraword", "--zebraword", "zebraword FAL_KEY", "help zebraword", "history zebraword"}
	for _, value := range keyShaped {
		texts = append(texts, value)
	}
	for _, text := range texts {
		for _, command := range []string{"/rotate", "/rotate-emergency"} {
			for _, standing := range []rotation.Standing{{}, {Member: true}, starter} {
				d := &desk{preview: dryRun(), err: errors.New("broken")}
				reply := handler(d).Handle(context.Background(), Request{Command: command, Text: text, Person: anna, Standing: standing})
				all := printed(reply)
				for word := range strings.FieldsSeq(text) {
					if len(word) > 6 && word != "FAL_KEY" && word != "history" && word != "cancel" && word != "status" && strings.Contains(all, word) {
						t.Errorf("%s %q is answered with a word of it:\n%s", command, text, all)
					}
				}
				if KeyShaped(text) && (len(d.asked) > 0 || !strings.Contains(reply.Text, "treat it as leaked; rotate it")) {
					t.Errorf("%s %q: engine asked %v, answered %q", command, text, d.asked, reply.Text)
				}
			}
		}
	}
}

// A cause that is not a refusal is for the log alone.
func TestCausesStayInTheLog(t *testing.T) {
	cause := errors.New("postgres://admin@10.0.0.7 refused")
	for _, text := range []string{"", "status", "status FAL_KEY", "FAL_KEY", "FAL_KEY --plan", "cancel FAL_KEY", "retry FAL_KEY", "rollback FAL_KEY", "snooze FAL_KEY 1d", "unsnooze FAL_KEY"} {
		reply := ask1(handler(&desk{err: cause}), text)
		if !errors.Is(reply.Err, cause) {
			t.Errorf("%q: the cause is lost: %v", text, reply.Err)
		}
		reply.Err = nil
		if strings.Contains(printed(reply), "postgres") {
			t.Errorf("%q shows people the cause", text)
		}
	}
	reply := ask1(handler(&desk{err: fmt.Errorf("asking: %w", context.DeadlineExceeded)}), "FAL_KEY")
	if !strings.Contains(reply.Text, "took too long") {
		t.Errorf("a timeout is told as %q", reply.Text)
	}
}

// Every act has words of its own: a checklist with the stored names would be
// hard to read at night.
func TestStepWords(t *testing.T) {
	for _, mode := range []rotation.Mode{rotation.Routine, rotation.Emergency, rotation.Rollback} {
		for _, shape := range []providers.Shape{providers.Overlap, providers.Grace, providers.Cutover, providers.DeployFirst} {
			for _, shared := range []bool{true, false} {
				plan, err := rotation.PlanFor(rotation.Cell{Mode: mode, Shape: shape, Shared: shared, UndoOfEnd: true})
				if err != nil {
					continue
				}
				for _, s := range plan {
					words := StepWords(s)
					if actWords[s.Act] == "" || strings.Contains(words, "%") {
						t.Errorf("%s reads %q", s, words)
					}
				}
			}
		}
	}
}
