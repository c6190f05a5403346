package slack_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	slackgo "github.com/slack-go/slack"

	"rekey/internal/sandbox/slack"
)

// form is a modal with one field.
func form(title string, change ...func(*slackgo.ModalViewRequest)) slackgo.ModalViewRequest {
	plain := func(text string) *slackgo.TextBlockObject {
		return slackgo.NewTextBlockObject(slackgo.PlainTextType, text, true, false)
	}
	field := slackgo.NewPlainTextInputBlockElement(nil, "text").WithMaxLength(10)
	v := slackgo.ModalViewRequest{
		Type: slackgo.VTModal, Title: plain(title), Submit: plain("Deny"), Close: plain("Cancel"), CallbackID: "deny", PrivateMetadata: "C1/2",
		Blocks: slackgo.Blocks{BlockSet: []slackgo.Block{slackgo.NewInputBlock("why", plain("Why?"), nil, field)}},
	}
	for _, f := range change {
		f(&v)
	}
	return v
}

// clicked presses a button and returns the trigger it made.
func clicked(t *testing.T, w *world, a *app, user string) string {
	t.Helper()
	ts := w.post(t, "approve?", slackgo.MsgOptionBlocks(button("deny", "")))
	return interaction(t, w, a, func() error {
		_, err := w.Click(t.Context(), user, slack.Press{Channel: ops, TS: ts, Action: "deny"})
		return err
	}).TriggerID
}

// opened shows a modal to a person after a click.
func opened(t *testing.T, w *world, a *app, user string, change ...func(*slackgo.ModalViewRequest)) *slackgo.ViewResponse {
	t.Helper()
	v, err := w.api.OpenViewContext(t.Context(), clicked(t, w, a, user), form("Why not?", change...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestViewsOpen(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	trigger := clicked(t, w, a, ann)
	got, err := w.api.OpenViewContext(t.Context(), trigger, form("Why not?"))
	if err != nil || got.ID == "" || got.Hash == "" || got.CallbackID != "deny" || got.PrivateMetadata != "C1/2" || got.Title.Text != "Why not?" {
		t.Fatalf("opened %+v, %v", got, err)
	}
	if v := w.Views(ann); len(v) != 1 || v[0].ID != got.ID || v[0].Submit != "Deny" || v[0].Kind != "modal" || len(w.Views(bob)) != 0 {
		t.Errorf("ann has open %+v", v)
	}
	_, err = w.api.OpenViewContext(t.Context(), trigger, form("Again?"))
	wantCode(t, err, "trigger_exchanged")
	_, err = w.api.OpenViewContext(t.Context(), "1.2.3", form("Made up"))
	wantCode(t, err, "invalid_trigger_id")
	_, err = w.api.OpenViewContext(t.Context(), clicked(t, w, a, ann), form(strings.Repeat("x", 25)))
	refused := wantCode(t, err, "invalid_arguments")
	if len(refused.ResponseMetadata.Messages) != 1 || !strings.Contains(refused.ResponseMetadata.Messages[0], "/view/title/text") {
		t.Errorf("refused with %+v", refused.ResponseMetadata)
	}
	if next := opened(t, w, a, ann); len(w.Views(ann)) != 1 || w.Views(ann)[0].ID != next.ID {
		t.Errorf("after another modal ann has open %+v", w.Views(ann))
	}
}

// TestTriggerOpensForThreeSeconds holds the life of a trigger from both sides.
func TestTriggerOpensForThreeSeconds(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Trigger = time.Nanosecond }))
	a := w.connect(t)
	_, err := w.api.OpenViewContext(t.Context(), clicked(t, w, a, ann), form("Too late"))
	wantCode(t, err, "trigger_expired")
}

func TestViewsUpdate(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	v := opened(t, w, a, ann, func(v *slackgo.ModalViewRequest) { v.ExternalID = "rotation 7" })
	next, err := w.api.UpdateViewContext(t.Context(), form("New"), "", v.Hash, v.ID)
	if err != nil || next.ID != v.ID || next.Hash == v.Hash || w.Views(ann)[0].Title != "New" {
		t.Errorf("updated to %+v, %v", next, err)
	}
	_, err = w.api.UpdateViewContext(t.Context(), form("Stale"), "", v.Hash, v.ID)
	wantCode(t, err, "hash_conflict")
	_, err = w.api.UpdateViewContext(t.Context(), form("None"), "", "", "V0NONE")
	wantCode(t, err, "not_found")
	again := func(v *slackgo.ModalViewRequest) { v.ExternalID = "rotation 8" }
	opened(t, w, a, bob, again)
	_, err = w.api.OpenViewContext(t.Context(), clicked(t, w, a, ann), form("Twice", again))
	wantCode(t, err, "duplicate_external_id")
	if _, err := w.api.UpdateViewContext(t.Context(), form("By name"), "rotation 8", "", ""); err != nil || w.Views(bob)[0].Title != "By name" {
		t.Errorf("by its external id: %v, %+v", err, w.Views(bob))
	}
}

func TestViewsPublish(t *testing.T) {
	w := start(t, slack.Config{})
	home := func(text string) slackgo.HomeTabViewRequest {
		return slackgo.HomeTabViewRequest{Type: slackgo.VTHomeTab, Blocks: slackgo.Blocks{BlockSet: []slackgo.Block{section(text)}}}
	}
	publish := func(user, hash, text string) (*slackgo.ViewResponse, error) {
		q := slackgo.PublishViewContextRequest{UserID: user, View: home(text)}
		if hash != "" {
			q.Hash = &hash
		}
		return w.api.PublishViewContext(t.Context(), q)
	}
	first, err := publish(ann, "", "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := publish(ann, first.Hash, "two"); err != nil || len(w.Views(ann)) != 1 || !strings.Contains(string(w.Views(ann)[0].Blocks), "two") {
		t.Errorf("%v, %+v", err, w.Views(ann))
	}
	_, err = publish(ann, first.Hash, "three")
	wantCode(t, err, "hash_conflict")
	_, err = publish("U0NOBODY", "", "four")
	wantCode(t, err, "invalid_arguments")
}

// TestSubmit sends a form off and does with the modal what each acknowledgement
// says.
func TestSubmit(t *testing.T) {
	update := form("Thanks")
	for name, c := range map[string]struct {
		answer any
		open   bool
		errors map[string]string
		title  string
		err    error
	}{
		"closes":             {nil, false, nil, "", nil},
		"clears":             {slackgo.NewClearViewSubmissionResponse(), false, nil, "", nil},
		"errors":             {slackgo.NewErrorsViewSubmissionResponse(map[string]string{"why": "no"}), true, map[string]string{"why": "no"}, "Why not?", nil},
		"updates":            {slackgo.NewUpdateViewSubmissionResponse(&update), true, nil, "Thanks", nil},
		"error for no field": {slackgo.NewErrorsViewSubmissionResponse(map[string]string{"who": "no"}), true, nil, "Why not?", slack.ErrBadAnswer},
		"no errors":          {slackgo.NewErrorsViewSubmissionResponse(nil), true, nil, "Why not?", slack.ErrBadAnswer},
		"unknown answer":     {map[string]string{"response_action": "dance"}, true, nil, "Why not?", slack.ErrBadAnswer},
		"update to nothing":  {map[string]string{"response_action": "update"}, true, nil, "Why not?", slack.ErrBadAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, slack.Config{})
			a := w.connect(t)
			v := opened(t, w, a, ann)
			got := make(chan slackgo.InteractionCallback, 1)
			go func() {
				e := <-a.got
				_ = a.Ack(*e.Request, c.answer)
				got <- e.Data.(slackgo.InteractionCallback)
			}()
			sent, err := w.Submit(t.Context(), ann, v.ID, map[string]string{"why": "because"})
			if !errors.Is(err, c.err) || sent.Open != c.open {
				t.Errorf("it is open: %t, %v", sent.Open, err)
			}
			if diff := cmp.Diff(c.errors, sent.Errors); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			q := <-got
			if q.Type != slackgo.InteractionTypeViewSubmission || q.User.ID != ann || q.View.ID != v.ID || q.View.CallbackID != "deny" ||
				q.View.PrivateMetadata != "C1/2" || q.View.State.Values["why"]["text"].Value != "because" {
				t.Errorf("the app got %+v", q)
			}
			title := ""
			for _, v := range w.Views(ann) {
				title = v.Title
			}
			if title != c.title {
				t.Errorf("ann has %q open", title)
			}
		})
	}
}

// TestSlackDoesNotSendABadForm: what the client itself refuses.
func TestSlackDoesNotSendABadForm(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	v := opened(t, w, a, ann)
	for name, c := range map[string]struct {
		user, id string
		typed    map[string]string
		want     error
	}{
		"empty":          {ann, v.ID, nil, slack.ErrField},
		"too long":       {ann, v.ID, map[string]string{"why": strings.Repeat("é", 11)}, slack.ErrField},
		"another field":  {ann, v.ID, map[string]string{"why": "x", "who": "y"}, slack.ErrNoField},
		"another person": {bob, v.ID, map[string]string{"why": "x"}, slack.ErrNoView},
		"no such modal":  {ann, "V0NONE", map[string]string{"why": "x"}, slack.ErrNoView},
	} {
		if _, err := w.Submit(t.Context(), c.user, c.id, c.typed); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(a.got) > 0 {
		t.Error("something was sent")
	}
}

// ticks are boxes under the text of a form; the second is ticked at first.
func ticks(v *slackgo.ModalViewRequest) {
	var all []*slackgo.OptionBlockObject
	for _, name := range []string{"one", "two"} {
		all = append(all, slackgo.NewOptionBlockObject(name, slackgo.NewTextBlockObject(slackgo.PlainTextType, name, false, false), nil))
	}
	boxes := slackgo.NewCheckboxGroupsBlockElement("boxes", all...)
	boxes.InitialOptions = all[1:]
	v.Blocks.BlockSet = append(v.Blocks.BlockSet, slackgo.NewInputBlock("which", slackgo.NewTextBlockObject(slackgo.PlainTextType, "Which?", false, false), nil, boxes).WithOptional(true))
}

// TestSubmitBoxes: what is ticked comes as the options that the app sent, as it was
// at first where nobody touched it.
func TestSubmitBoxes(t *testing.T) {
	for name, c := range map[string]struct {
		typed map[string]string
		want  []string
		err   error
	}{
		"untouched": {map[string]string{"why": "x"}, []string{"two"}, nil},
		"none":      {map[string]string{"why": "x", "which": ""}, nil, nil},
		"both":      {map[string]string{"why": "x", "which": "one,two"}, []string{"one", "two"}, nil},
		"no such":   {map[string]string{"why": "x", "which": "three"}, nil, slack.ErrNoField},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, slack.Config{})
			a := w.connect(t)
			v := opened(t, w, a, ann, ticks)
			got := make(chan slackgo.InteractionCallback, 1)
			if c.err == nil {
				go func() {
					e := <-a.got
					_ = a.Ack(*e.Request)
					got <- e.Data.(slackgo.InteractionCallback)
				}()
			}
			if _, err := w.Submit(t.Context(), ann, v.ID, c.typed); !errors.Is(err, c.err) {
				t.Fatal(err)
			} else if err != nil {
				return
			}
			q := <-got
			var ticked []string
			for _, o := range q.View.State.Values["which"]["boxes"].SelectedOptions {
				ticked = append(ticked, o.Value)
			}
			if diff := cmp.Diff(c.want, ticked); diff != "" {
				t.Errorf("ticked (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSubmitWithoutAnAnswer: the modal stays, for another try.
func TestSubmitWithoutAnAnswer(t *testing.T) {
	t.Parallel() // three seconds of Slack's
	w := start(t, slack.Config{})
	a := w.connect(t)
	v := opened(t, w, a, ann)
	typed := map[string]string{"why": "x"}
	w.Disturb(slack.Disturbance{Kind: "interactive", How: slack.LoseAck})
	go func() { e := <-a.got; _ = a.Ack(*e.Request) }()
	if sent, err := w.Submit(t.Context(), ann, v.ID, typed); !errors.Is(err, slack.ErrOperationTimeout) || !sent.Open {
		t.Errorf("not acknowledged: %+v, %v", sent, err)
	}
}

func TestDismiss(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	quiet := opened(t, w, a, ann)
	if err := w.Dismiss(t.Context(), bob, quiet.ID); !errors.Is(err, slack.ErrNoView) {
		t.Errorf("bob closing ann's: %v", err)
	}
	if err := w.Dismiss(t.Context(), ann, quiet.ID); err != nil || len(w.Views(ann)) > 0 || len(a.got) > 0 {
		t.Errorf("%v, open %+v, %d envelopes", err, w.Views(ann), len(a.got))
	}
	told := opened(t, w, a, ann, func(v *slackgo.ModalViewRequest) { v.NotifyOnClose = true })
	q := interaction(t, w, a, func() error { return w.Dismiss(t.Context(), ann, told.ID) })
	if q.Type != slackgo.InteractionTypeViewClosed || q.View.ID != told.ID || q.IsCleared || len(w.Views(ann)) > 0 {
		t.Errorf("the app heard %+v", q)
	}
}
