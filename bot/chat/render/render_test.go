package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"rekey/commands"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

var update = flag.Bool("update", false, "write the golden files")

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	anna = rotation.Person{ID: "T1/U0ANNA", Name: "anna"}
	ben  = rotation.Person{ID: "T1/U0BEN", Name: "ben"}
	team = Audience{Users: []string{"U0BEN"}, Group: "S0SECOPS"}
)

// fresh is a rotation that has just begun; per environment or shared.
func fresh(shared bool) *rotation.Rotation {
	cell := rotation.Cell{Mode: rotation.Routine, Shape: providers.Overlap, Shared: shared}
	plan, err := rotation.PlanFor(cell)
	if err != nil {
		panic(err) // unreachable unless the most ordinary plan is gone
	}
	old := func(id, print string) rotation.Place {
		return rotation.Place{Old: rotation.Known{ID: providers.ID(id), Fingerprint: secret.Fingerprint(print)}, Before: map[string]rotation.Held{"FAL_KEY": {Version: 3}}}
	}
	r := &rotation.Rotation{
		ID: "k3v9q2m7xa", Secret: "FAL_KEY", Requester: anna, Reason: "quarterly", Started: noon, State: rotation.Running,
		Cell: cell, Plan: plan, PlanHash: strings.Repeat("c0ffee", 8),
		Traits: providers.Traits{Kind: "fal.ai API key", Service: "fal.ai", PublicID: true, EndIs: "deleted at once; this cannot be undone", Drain: "requests queued at fal.ai"},
		Places: map[string]rotation.Place{rotation.Staging: old("0ldkey-stg", "1111111122222222"), rotation.Production: old("0ldkey-prd", "3333333344444444")},
	}
	if shared {
		r.Places[rotation.Staging] = r.Places[rotation.Production]
	}
	return r
}

// upTo is a rotation that has reached a step, with all that was found before.
func upTo(shared bool, act rotation.Act) *rotation.Rotation {
	r := fresh(shared)
	at := noon
	for i, s := range r.Plan {
		if s.Act == act {
			r.Cursor, r.Begun = i, true
			break
		}
		r.Times = append(r.Times, rotation.Timing{Step: s.String(), Started: at, Ended: at.Add(time.Duration(i+1) * 7 * time.Second)})
		at = r.Times[i].Ended
		did(r, s, at)
	}
	return r
}

func did(r *rotation.Rotation, s rotation.Step, at time.Time) {
	p := r.Places[s.Environment]
	switch s.Act {
	case rotation.Issue, rotation.Write:
		p.New = rotation.Known{ID: providers.ID("n3wkey-" + s.Environment[:3]), Fingerprint: "5555555566666666"}
		p.After = map[string]rotation.Held{"FAL_KEY": {Version: 4}}
		r.Places[s.Environment] = p
		r.Issues++
	case rotation.Prove:
		if r.Proofs == nil {
			r.Proofs = make(map[string]rotation.Certificate)
		}
		r.Proofs[s.Environment] = rotation.Certificate{Kind: "attest", At: at, Instances: 3, Answers: 3, Deployment: "dep-77", Affected: "its own check passed"}
	case rotation.Watch:
		r.Vigils = map[rotation.Act]*rotation.Vigil{rotation.Watch: {Verdict: watch.Passed, Series: make([]watch.Series, 3)}}
		r.Seen = rotation.Figures{Requests: 1840}
	}
}

func asking(shared bool) *rotation.Rotation {
	r := upTo(shared, rotation.Approve)
	r.State = rotation.Asking
	r.Card = &rotation.Card{Number: 1, State: rotation.CardOpen, Evidence: strings.Repeat("feed", 16), Asked: noon, Expires: noon.Add(24 * time.Hour)}
	return r
}

func closedAs(state rotation.CardState) *rotation.Rotation {
	r := asking(true)
	r.State, r.Card.State = rotation.Pending, state
	vote := rotation.Vote{Person: ben, Path: "emoji", At: noon.Add(time.Hour)}
	switch state {
	case rotation.CardApproved:
		r.State, r.Card.Approved = rotation.Running, []rotation.Vote{vote}
	case rotation.CardDenied:
		vote.Path, vote.Reason = "button", "release 3.2 is going out"
		r.Card.Denied = &vote
	}
	return r
}

func stuck() *rotation.Rotation {
	r := upTo(true, rotation.Deploy)
	r.State = rotation.Stuck
	r.Problem = &rotation.Problem{Step: "deploy(staging)", What: "While deploying staging: the other side has an error of its own (status 502).", Safe: "Old key still valid. Nothing was revoked. Production was not touched; staging holds the new key.", Next: "Look into it, then `/rotate retry FAL_KEY` goes on from here; `/rotate cancel FAL_KEY` stops."}
	return r
}

func done(shared bool) *rotation.Rotation {
	r := asking(shared)
	r.Card.State, r.Card.Approved = rotation.CardApproved, []rotation.Vote{{Person: ben, Path: "emoji", At: noon.Add(time.Hour)}}
	r.State, r.Cursor, r.Begun, r.Ended = rotation.Succeeded, len(r.Plan), false, noon.Add(80*time.Minute)
	end := rotation.Ending{ID: "0ldkey-prd", Sent: noon.Add(time.Hour), Refused: noon.Add(61 * time.Minute), Last: noon.Add(63 * time.Minute), Answer: "401", Probes: 9, Unlisted: true, Dead: noon.Add(63 * time.Minute)}
	r.Ends = map[string]rotation.Ending{"": end}
	if !shared {
		r.Ends = map[string]rotation.Ending{rotation.Staging: end, rotation.Production: end}
	}
	return r
}

var cardEvent = event.Event{Seq: 14, Kind: event.Card, Card: 1, At: noon, Facts: map[string]string{"evidence": strings.Repeat("feed", 16), "also_in": "a partner's cron job"}}

// wanted waits for a person who makes the key.
func wanted() *rotation.Rotation {
	r := upTo(false, rotation.Issue)
	r.Traits.Service = "Anthropic"
	r.Errand = &rotation.Errand{Environment: rotation.Staging, Label: "rk_acme_staging_abc_1", Asked: noon, Told: noon}
	return r
}

var guideEvent = event.Event{Kind: event.Guide, Step: "issue(staging)", Text: "A person has to make the new key for staging: Anthropic has no other way.\n1. Open https://platform.claude.com/settings/keys\n2. Name: `rk_acme_staging_abc_1`.\nOld key still valid."}

// endEvent asks a person to end a key, whose death the rotation is waiting for by
// the time that this is posted.
var endEvent = event.Event{Kind: event.Guide, Step: "end(staging)", Facts: map[string]string{"ends": rotation.Staging},
	Text: "A person has to end …Q5pM: Mem0 has no other way. The approval for it stands.\n1. Open https://app.mem0.ai/dashboard/api-keys\n2. Delete that key, and no other."}

func ending() *rotation.Rotation {
	r := upTo(false, rotation.ConfirmDead)
	r.Traits.Service, r.Traits.Guided, r.Traits.EndByHand = "Mem0", true, true
	return r
}

// TestWhoeverIsAskedIsNotToldToRest: a post about what a person has to do says so
// also where the rotation went on, or is over, before it was sent.
func TestWhoeverIsAskedIsNotToldToRest(t *testing.T) {
	for _, r := range []*rotation.Rotation{wanted(), ending(), upTo(false, rotation.Deploy), done(false)} {
		for _, e := range []event.Event{guideEvent, endEvent} {
			if text := Urgent(r, e, team).Text; strings.Contains(text, "Nobody needs") || !strings.Contains(text, "Next: Somebody ") {
				t.Errorf("%s: %s", r.State, text)
			}
		}
	}
	asked := asking(false)
	asked.Traits.EndByHand = true
	if text := Card(asked, cardEvent, team).Text; strings.Contains(text, "Rekey ends") || !strings.Contains(text, "On ✅ a person is asked to end ") {
		t.Error(text)
	}
	if next := commands.Describe(ending()).Next; next != commands.EndByHand {
		t.Error(next)
	}
}

func oneOfEach() []event.Event {
	return []event.Event{
		{Kind: event.Started, By: anna.ID}, {Kind: event.Done, Step: "deploy(staging)", Text: "Staging is live after 41 s."},
		{Kind: event.Waiting, Text: "The vault holds the write for approval."}, {Kind: event.Retrying, Text: "While deploying staging: the other side could not be reached. Attempt 2; next in 5s."},
		{Kind: event.Stopped, Step: "deploy(staging)", Text: "Old key still valid. Look into it."}, {Kind: event.Swept, Facts: map[string]string{"id": "n3wkey-0"}},
		{Kind: event.Verdict, Facts: map[string]string{"verdict": "passed"}, Text: "Watched production for 15m0s: passed."}, {Kind: event.Watching, Facts: map[string]string{"watch": "1"}, Text: "Watching production for 15m0s, a look every 1m0s."}, {Kind: event.Scope, Facts: map[string]string{"deployment": "dep-78"}},
		cardEvent, {Kind: event.Joined, Card: 1, Text: "This is asked together with the others."}, {Kind: event.Void, Card: 1, Text: "The evidence changed."}, {Kind: event.Approved, Card: 1, By: ben.ID, Path: "emoji"},
		{Kind: event.Denied, Card: 1, By: ben.ID, Path: "button", Facts: map[string]string{"reason": "release *3.2* is\ngoing out <@U0ANNA>"}, Text: "Old key still valid."}, {Kind: event.Expired, Card: 1, Text: "Nobody approved in time."},
		{Kind: event.Cancelled, By: anna.ID, Text: "Old key still valid."}, {Kind: event.Retried, By: anna.ID}, {Kind: event.Pending, Text: "Revocation pending: both keys live."},
		guideEvent, {Kind: event.Unfit, Text: "Key apikey_01Ab belongs to workspace wrkspc_2; staging needs one of wrkspc_1. Rekey goes on waiting."},
		{Kind: event.Deadline, Text: "The old key dies at 12:00:00 UTC, in 1h0m0s."},
		{Kind: event.Uncontained, Text: "Not contained. The old key lives until 2026-11-24 12:00:00 UTC."},
		{Kind: event.Revived, Text: "The old key lives again: fal.ai has it among its living keys."},
		{Kind: event.Dead, Text: "Refused 9 times with 401."}, {Kind: event.Reported, Text: "Both certificates are there."}, {Kind: "of a later version", Text: "Something new."},
	}
}

// everything renders each message once, under the name of its golden file.
func everything() map[string]Message {
	byEnv := asking(false)
	ended := cardEvent
	ended.Facts = map[string]string{"old_refused": "401", "quorum": "2", "self": "false"}
	all := map[string]Message{
		"root-running":       Root(upTo(true, rotation.Deploy), team),
		"root-environment":   Root(upTo(false, rotation.Watch), team),
		"root-waiting":       Root(asking(true), team),
		"root-wanted":        Root(wanted(), team),
		"urgent-guide":       Urgent(wanted(), guideEvent, team),
		"urgent-end":         Urgent(ending(), endEvent, team),
		"root-stopped":       Root(stuck(), team),
		"root-pending":       Root(closedAs(rotation.CardDenied), team),
		"root-done":          Root(done(true), team),
		"root-brief":         Brief(asking(true)),
		"card":               Card(asking(true), cardEvent, team),
		"card-environment":   Card(byEnv, cardEvent, Audience{Users: []string{"U0BEN", "U0CARA"}}),
		"card-refused":       Card(asking(true), ended, team),
		"card-approved":      Closed(closedAs(rotation.CardApproved), 1),
		"card-denied":        Closed(closedAs(rotation.CardDenied), 1),
		"card-expired":       Closed(closedAs(rotation.CardExpired), 1),
		"card-void":          Closed(closedAs(rotation.CardVoid), 1),
		"card-replaced":      Closed(asking(true), 0),
		"lines":              Lines(asking(true), oneOfEach()),
		"urgent-stopped":     Urgent(stuck(), event.Event{Kind: event.Stopped, Step: "deploy(staging)", Text: stuck().Problem.Text()}, team),
		"urgent-pending":     Urgent(closedAs(rotation.CardDenied), event.Event{Kind: event.Pending, Text: "Revocation pending: both keys live. `/rotate retry FAL_KEY` asks again on a fresh proof."}, team),
		"report":             Report(done(true), event.Event{Kind: event.Reported, Text: "Both certificates are there."}),
		"report-environment": Report(done(false), event.Event{Kind: event.Reported}),
		"again":              Lines(asking(true), oneOfEach()[1:2]).Again(),
		"unreadable":         Unreadable(7),
		"reply": Reply(commands.Reply{Title: "Dry run of FAL_KEY", Text: "16 steps.", Paragraphs: []string{"Nothing was changed.\n1. Look <first>"}, Notes: []string{"`/rotate help`"},
			Rows: []commands.Row{{Label: "Who must approve", Text: "1 approver", ApproversOf: "FAL_KEY"}, {Label: "Asked for by", Who: anna, When: noon}}},
			func(string) Audience { return team }),
	}
	all["batch-running"] = Batch(several(), Links{"FAL_KEY": "https://acme.slack.com/archives/C0OPS/p12"}, team)
	all["sheaf"], all["sheaf-closed"] = Sheaf(sheaf()), SheafClosed(sheafDecided())
	all["sheaf-nagged"] = SheafNagged(event.Event{Kind: event.Nagged, Card: 1, Text: "Nobody has decided for 5m0s."}, team)
	all["rounds"], all["rounds-done"] = Rounds(walk(), Links{"MEM0_API_KEY": "https://acme.slack.com/archives/C0OPS/p12"}, team), Rounds(walked(), nil, team)
	all["batch-over"] = BatchTable(several(), nil, "1 of 6 old keys are dead.", Audience{})
	return all
}

func TestGolden(t *testing.T) {
	for name, m := range everything() {
		t.Run(name, func(t *testing.T) { golden(t, name, asSent(t, m)) })
	}
}

func asSent(t *testing.T, m Message) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(struct {
		Text   string        `json:"text"`
		Blocks []slack.Block `json:"blocks"`
	}{m.Text, m.Blocks}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Every event kind that people see must read differently from an unknown one.
func TestEveryKindHasWords(t *testing.T) {
	for _, e := range oneOfEach() {
		if e.Kind == "of a later version" {
			continue
		}
		if got := line(asking(true), e); strings.Contains(got, "*"+string(e.Kind)+"*") && e.Kind != event.Approved && e.Kind != event.Denied && e.Kind != event.Expired && e.Kind != event.Cancelled {
			t.Errorf("%s is told as %q", e.Kind, got)
		}
	}
}

// TestDenyModal holds the modal as Slack receives it, and to its limits.
func TestDenyModal(t *testing.T) {
	sent, err := json.MarshalIndent(DenyModal(asking(true), "C0OPS/1.2"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "deny-modal", sent)
	m := DenyModal(hostile(asking(true)), "C0OPS/1.2")
	for _, text := range []*slack.TextBlockObject{m.Title, m.Submit, m.Close} {
		if n := length(text.Text); n == 0 || n > titleLimit {
			t.Errorf("%q is %d characters", text.Text, n)
		}
	}
	checkLimits(t, "modal", Message{Text: "modal", Blocks: m.Blocks.BlockSet[:1]})
}

// TestFormModal holds the form of an emergency as Slack receives it: with the box for
// an outage on purpose, ticked where that was said, and without it for several secrets.
func TestFormModal(t *testing.T) {
	form := commands.Form{Secret: "FAL_KEY", Line: "FAL_KEY", First: true, Since: "2026-11-20T08:00:00Z", What: "As soon as you send this off …"}
	sent, err := json.MarshalIndent(FormModal(form), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "form-modal", sent)
	checkLimits(t, "form", Message{Text: "form", Blocks: FormModal(form).Blocks.BlockSet[:1]})
	form.First = false
	if sent, err = json.Marshal(FormModal(form)); err != nil || !strings.Contains(string(sent), FirstBox) || strings.Contains(string(sent), "initial_options") {
		t.Errorf("not ticked: %s, %v", sent, err)
	}
	form.Many = true
	if sent, err = json.Marshal(FormModal(form)); err != nil || strings.Contains(string(sent), FirstBox) {
		t.Errorf("several end first: %s, %v", sent, err)
	}
}

// TestTheQuestionSaysWhetherItCanBeUndone, and what ends.
func TestTheQuestionSaysWhetherItCanBeUndone(t *testing.T) {
	r := asking(false)
	if got := sure(r).Text.Text; !strings.Contains(got, "This cannot be undone") || !strings.Contains(got, "0ldkey-stg (staging) and 0ldkey-prd (production)") {
		t.Errorf("it asks %q", got)
	}
	r.Traits.UndoOfEnd = true
	if got := sure(r).Text.Text; !strings.Contains(got, "disabled, which can be undone, and after another watch deleted, which cannot") {
		t.Errorf("it asks %q", got)
	}
}

// A reason is foreign text: a line of words, with no notation in it.
func TestForeign(t *testing.T) {
	for in, want := range map[string]string{
		"plain words":            "plain words",
		"<@U0BEN> & <!here>":     "&lt;@U0BEN&gt; &amp; &lt;!here&gt;",
		"two\n> lines\r\n*bold*": "two &gt; lines ∗bold∗",
		"`code` _it_ ~no~":       "'code' ＿it＿ ∼no∼",
		"  ":                     "",
	} {
		if got := foreign(in); got != want {
			t.Errorf("foreign(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestGapAndWatchAreToldApart: requests that failed in a gap stand beside those of
// the watch after it, and the second figure does not deny the first.
func TestGapAndWatchAreToldApart(t *testing.T) {
	r := done(true)
	r.Gap = rotation.Gap{From: noon, To: noon.Add(2 * time.Second), Counted: true, Requests: 50, Failed: 25}
	text := Report(r, event.Event{Kind: event.Reported}).Text
	if !strings.Contains(text, "failed: 25") || !strings.Contains(text, "Failed application requests seen while watching after the gap: 0 of 1840.") {
		t.Error(text)
	}
}

// The gist must be in the text alone: notifications show nothing else.
func TestTextHoldsTheGist(t *testing.T) {
	all := everything()
	tests := map[string][]string{
		"root-waiting":   {"FAL_KEY", "approval", "Old key still valid. Nothing was revoked.", "✅"},
		"root-stopped":   {"stopped", "Old key still valid", "/rotate retry FAL_KEY"},
		"root-done":      {"is rotated", "The old key is dead"},
		"card":           {"<!subteam^S0SECOPS>", "<@U0BEN>", "✅", "❌", "0ldkey-prd", "deleted at once", "Nothing was revoked", "Until <!date^"},
		"report":         {"FAL_KEY is rotated", "Failed application requests seen: 0 of 1840.", "<@U0ANNA>"},
		"urgent-stopped": {"<!subteam^S0SECOPS>", "<@U0ANNA>", "Stopped", "/rotate retry"},
	}
	for name, wants := range tests {
		for _, want := range wants {
			if !strings.Contains(all[name].Text, want) {
				t.Errorf("the text of %s has no %q:\n%s", name, want, all[name].Text)
			}
		}
	}
	if s := string(asSent(t, all["card-refused"])); strings.Contains(s, "still valid") || !strings.Contains(s, "already refuses the old key (401)") {
		t.Errorf("a dead key is called valid: %s", s)
	}
	for _, name := range []string{"card-approved", "card-denied", "card-expired", "card-void", "card-replaced"} {
		if s := string(asSent(t, all[name])); strings.Contains(s, "✅") || strings.Contains(s, "React ") {
			t.Errorf("%s still calls to act", name)
		}
	}
}

// hostile makes every foreign text long and full of Slack's notation.
func hostile(r *rotation.Rotation) *rotation.Rotation {
	const nasty = "<!channel> & <https://evil.example|click> `x` *b* _i_ 🔑🔑 "
	long := strings.Repeat(nasty, 120)
	r.Secret, r.Reason = "A_VERY_"+strings.Repeat("LONG_", 60)+"NAME<!here>", long
	r.Requester.ID = "T1/<!channel>"
	r.Traits.Service, r.Traits.EndIs, r.Traits.Drain, r.Traits.Notice, r.ID = long, long, long, long, long
	for env, p := range r.Places {
		p.Old.ID, p.New.ID = providers.ID(long), providers.ID(long)
		p.Old.Last4 = "<&>"
		p.Before, p.After = map[string]rotation.Held{}, map[string]rotation.Held{}
		for i := range 60 {
			p.After[strings.Repeat("V", 40)+string(rune('a'+i%26))+strings.Repeat("<", i)] = rotation.Held{Version: i}
		}
		r.Places[env] = p
	}
	for env, c := range r.Proofs {
		c.Affected, c.Deployment, c.Kind = long, long, long
		r.Proofs[env] = c
	}
	if r.Problem != nil {
		r.Problem.Safe, r.Problem.Next, r.Problem.What = long, long, long
	}
	if r.Card != nil {
		for i := range 200 {
			r.Card.Approved = append(r.Card.Approved, rotation.Vote{Person: rotation.Person{ID: "T1/U0" + strings.Repeat("A", i%9)}, Path: nasty})
		}
	}
	for i := range r.Plan {
		r.Plan[i].Environment = long[:100+i]
	}
	return r
}

func TestHostileTextStaysWithinLimitsAndEscapes(t *testing.T) {
	const nasty = "<!channel> & <https://evil.example|click> 🔑"
	long := strings.Repeat(nasty, 200)
	var many []event.Event
	for i := range 40 {
		many = append(many, event.Event{Seq: int64(i), Kind: event.Done, Text: long})
	}
	wide := Audience{Group: "S0<!here>"}
	for range 300 {
		wide.Users = append(wide.Users, "U0ABCDEFG", "<!everyone>")
	}
	e := cardEvent
	e.Facts = map[string]string{"evidence": long, "also_in": long, "verdict": long, "deployment": long, "id": long}
	var rows []commands.Row
	for range 200 {
		rows = append(rows, commands.Row{Label: long, Text: long, ApproversOf: "X", Who: rotation.Person{ID: nasty}})
	}
	messages := map[string]Message{
		"root": Root(hostile(asking(false)), team), "root stuck": Root(hostile(stuck()), team), "brief": Brief(hostile(stuck())),
		"card": Card(hostile(asking(false)), e, wide), "closed": Closed(hostile(closedAs(rotation.CardApproved)), 1),
		"report": Report(hostile(done(false)), e), "lines": Lines(hostile(asking(true)), many),
		"urgent": Urgent(hostile(stuck()), event.Event{Kind: event.Stopped, Step: long, Text: long}, wide),
		"again":  Root(hostile(asking(false)), team).Again(),
		"reply":  Reply(commands.Reply{Title: long, Text: long, Paragraphs: []string{long}, Rows: rows, Notes: []string{long}}, func(string) Audience { return wide }),
	}
	for name, m := range messages {
		checkLimits(t, name, m)
		body := string(asSent(t, m))
		for _, bad := range []string{"<!channel", "<!here", "<!everyone", "<https"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s lets %q through", name, bad)
			}
		}
	}
}

func checkLimits(t *testing.T, name string, m Message) {
	t.Helper()
	if n := length(m.Text); n > textLimit || n == 0 {
		t.Errorf("%s: text of %d", name, n)
	}
	if len(m.Blocks) > blocksLimit || len(m.Blocks) == 0 {
		t.Errorf("%s: %d blocks", name, len(m.Blocks))
	}
	check := func(what, text string, limit int) {
		if n := length(text); n > limit || n == 0 || !utf8.ValidString(text) {
			t.Errorf("%s: %s of %d characters (limit %d, valid %v)", name, what, n, limit, utf8.ValidString(text))
		}
	}
	for _, b := range m.Blocks {
		switch b := b.(type) {
		case *slack.HeaderBlock:
			check("header", b.Text.Text, headerLimit)
		case *slack.SectionBlock:
			if b.Text != nil {
				check("section", b.Text.Text, sectionLimit)
			}
			if len(b.Fields) > fieldsLimit || b.Text == nil && len(b.Fields) == 0 {
				t.Errorf("%s: %d fields", name, len(b.Fields))
			}
			for _, f := range b.Fields {
				check("field", f.Text, fieldLimit)
			}
		case *slack.ActionBlock:
			for _, e := range b.Elements.ElementSet {
				if menu, ok := e.(*slack.SelectBlockElement); ok {
					check("menu", menu.Placeholder.Text, buttonLimit)
					continue
				}
				e := e.(*slack.ButtonBlockElement)
				check("button", e.Text.Text, buttonLimit)
				if e.Confirm != nil {
					check("title", e.Confirm.Title.Text, confirmTitleLimit)
					check("question", e.Confirm.Text.Text, confirmTextLimit)
				}
			}
		case *slack.ContextBlock:
			for _, e := range b.ContextElements.Elements {
				check("context", e.(*slack.TextBlockObject).Text, contextLimit)
			}
		default:
			t.Errorf("%s: a block of type %T that no limit is known for", name, b)
		}
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		in    string
		limit int
		want  string
	}{
		{"short", 5, "short"}, {"longer", 5, "long…"}, {"äöüäöü", 4, "äöü…"}, {"🔑🔑🔑", 4, "🔑…"},
		{"ab &amp; cd", 7, "ab …"}, {"ab <@U123> cd", 8, "ab …"}, {"", 3, ""},
	}
	for _, tt := range tests {
		if got := cut(tt.in, tt.limit); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("ab &amp; <@U123> 🔑", 7)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		if limit < 1 || limit > 5000 || !utf8.ValidString(text) {
			t.Skip()
		}
		got := cut(esc(text), limit)
		if length(got) > limit || !utf8.ValidString(got) {
			t.Errorf("cut to %d gave %d", limit, length(got))
		}
		if strings.Count(got, "<") != strings.Count(got, ">") {
			t.Errorf("an open bracket in %q", got)
		}
	})
}

func TestEscape(t *testing.T) {
	tests := map[string]string{
		"a < b & c > d":          "a &lt; b &amp; c &gt; d",
		"<!channel>":             "&lt;!channel&gt;",
		"<@U0BEN> did it":        "<@U0BEN> did it",
		"<@channel>":             "&lt;@channel&gt;",
		"<@U0BEN|fake>":          "&lt;@U0BEN|fake&gt;",
		"<!subteam^S1>":          "&lt;!subteam^S1&gt;",
		"already &lt;@U0BEN&gt;": "already &amp;lt;@U0BEN&amp;gt;",
	}
	for in, want := range tests {
		if got := esc(in); got != want {
			t.Errorf("esc(%q) = %q, want %q", in, got, want)
		}
	}
}
