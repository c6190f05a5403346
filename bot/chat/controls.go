package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
)

// press is a click on one of our buttons. All of it comes from outside: the
// value carries an id at most, and what it stands for is loaded again.
type press struct {
	name    string // within the action_id; see [render.ControlName]
	of      string // what follows the name and a slash, to tell like controls of one message apart
	value   string
	user    string // who; Slack vouches for it
	at      place  // the message; nothing for a button elsewhere
	trigger string // opens one modal within three seconds of the click
	answer  string // response URL
	came    time.Time
}

// submission is a modal that somebody sent off.
type submission struct {
	name    string // within the callback_id
	private string // as we opened it; it comes back from outside
	user    string
	values  map[string]string // what was typed, by block_id
	ticked  []string          // boxes, by block_id and value
}

// later is what is left to do once Slack has its acknowledgement; nil is
// nothing.
type later func(ctx context.Context) error

// A presser takes one kind of click. Whatever must not be lost it stores before
// it returns, within [storeTime]: only then the click is acknowledged. With an
// error it is not, and Slack shows the person that it did not work. It may be
// called twice for one click, and by somebody without any right.
type presser func(ctx context.Context, p press) (later, error)

// A submitter takes one kind of modal in the same way. Faults, by block_id, are
// shown under the fields, and the modal stays open; without any it closes.
type submitter func(ctx context.Context, s submission) (faults map[string]string, then later, err error)

const (
	unknownControl = "This version of Rekey has no such button. Nothing was done. React with ✅ or ❌ on a request, or type `/rotate help`."
	unknownModal   = "This version of Rekey has no such form. Nothing was done. Close it, and type /rotate help."
	// notTaken claims nothing: an answer of the store may have been lost.
	notTaken = "Rekey could not confirm that just now: do not count on it, and do not rule it out. Try again in a minute."
)

// interaction hands clicks and modals to whoever takes them, by name. Other
// interactions are acknowledged: we ask for none.
func (c *Chat) interaction(ctx context.Context, i slack.InteractionCallback, ack func(...any) error) error {
	switch i.Type {
	case slack.InteractionTypeBlockActions:
		return c.pressed(ctx, pressOf(i), ack)
	case slack.InteractionTypeViewSubmission:
		return c.submitted(ctx, submissionOf(i), ack)
	default:
		return ack()
	}
}

// pressOf reads a click. Slack sends one action at a time.
func pressOf(i slack.InteractionCallback) press {
	p := press{
		user: i.User.ID, trigger: i.TriggerID, answer: i.ResponseURL, came: time.Now(),
		at: place{i.Container.ChannelID, i.Container.MessageTs},
	}
	if actions := i.ActionCallback.BlockActions; len(actions) == 1 && actions[0] != nil {
		p.name, p.of, _ = strings.Cut(render.ControlName(actions[0].ActionID), "/")
		p.value = actions[0].Value + actions[0].SelectedOption.Value // a button has the one, a menu the other
	}
	return p
}

func submissionOf(i slack.InteractionCallback) submission {
	s := submission{private: i.View.PrivateMetadata, user: i.User.ID, values: make(map[string]string)}
	s.name = render.ControlName(i.View.CallbackID)
	if i.View.State == nil {
		return s
	}
	for block, actions := range i.View.State.Values {
		for _, a := range actions { // an input block holds one
			s.values[block] = a.Value
			for _, o := range a.SelectedOptions {
				s.ticked = append(s.ticked, block+"/"+o.Value)
			}
		}
	}
	return s
}

func (c *Chat) pressed(ctx context.Context, p press, ack func(...any) error) error {
	take, known := c.pressers[p.name]
	if !known {
		take = func(context.Context, press) (later, error) {
			return func(ctx context.Context) error { return c.sayTo(ctx, p, unknownControl) }, nil
		}
	}
	then, err := storing(ctx, func(ctx context.Context) (later, error) { return take(ctx, p) })
	if err != nil {
		return errors.Join(fmt.Errorf("taking a click on %q: %w", p.name, err), c.sayTo(ctx, p, notTaken))
	}
	if err := ack(); err != nil {
		return fmt.Errorf("acknowledging a click: %w", err)
	}
	return c.follows(ctx, then)
}

func (c *Chat) submitted(ctx context.Context, s submission, ack func(...any) error) error {
	var faults map[string]string
	take, known := c.submitters[s.name]
	if !known {
		take = func(context.Context, submission) (map[string]string, later, error) {
			return s.anywhere(unknownModal), nil, nil
		}
	}
	then, err := storing(ctx, func(ctx context.Context) (then later, err error) {
		faults, then, err = take(ctx, s)
		return then, err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("taking the modal %q: %w", s.name, err), ack(slack.NewErrorsViewSubmissionResponse(s.anywhere(notTaken))))
	}
	if len(faults) > 0 {
		return ack(slack.NewErrorsViewSubmissionResponse(faults))
	}
	if err := ack(); err != nil {
		return fmt.Errorf("acknowledging a modal: %w", err)
	}
	return c.follows(ctx, then)
}

// anywhere puts a fault under some field: Slack shows it nowhere else.
func (s submission) anywhere(text string) map[string]string {
	blocks := slices.Sorted(maps.Keys(s.values))
	if len(blocks) == 0 {
		return nil
	}
	return map[string]string{blocks[0]: text}
}

// storing bounds what is done before an acknowledgement.
func storing(ctx context.Context, do func(context.Context) (later, error)) (later, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	return do(ctx)
}

func (c *Chat) follows(ctx context.Context, then later) error {
	if then == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.AnswerTimeout)
	defer cancel()
	return then(ctx)
}

// sayTo answers whoever clicked, in words only they see.
func (c *Chat) sayTo(ctx context.Context, p press, text string) error {
	if p.answer == "" {
		return nil
	}
	return c.respond(ctx, p.answer, plain(text))
}
