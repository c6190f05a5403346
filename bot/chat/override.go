package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/rotation"
	"rekey/state"
)

const (
	notStopped   = "The rotation waits for that no more. Nothing was done."
	noModal      = "Slack did not open the window. Nothing was done; press the button again."
	overrideDone = "Taken. The thread tells how it goes on."
)

// takeOver opens the modal that asks why somebody goes on without a proof. It
// stores nothing: a person who closes the modal has taken nothing over.
func (c *Chat) takeOver(ctx context.Context, p press) (later, error) {
	r, _, err := c.stopped(ctx, p.value)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return c.only(p, notStopped), nil
	}
	return func(ctx context.Context) error {
		within, cancel := context.WithDeadline(ctx, p.came.Add(triggerLife))
		defer cancel()
		if err := c.api.open(within, p.trigger, render.OverrideModal(r)); err != nil {
			return errors.Join(err, c.sayTo(ctx, p, noModal))
		}
		return nil
	}, nil
}

// stopped finds the stop that a name stands for; nil when it is over.
func (c *Chat) stopped(ctx context.Context, name string) (*rotation.Rotation, string, error) {
	key, step, ok := render.Stop(name)
	if !ok {
		return nil, "", nil
	}
	r, err := c.engine.Load(ctx, key)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil, "", nil
	case err != nil:
		return nil, "", fmt.Errorf("finding the stop that was clicked: %w", err)
	case !r.Overridable() || r.Problem.Step != step:
		return nil, "", nil
	}
	return r, step, nil
}

// tookOver takes somebody's word in the place of a proof, with the standing that
// they have now. Nothing was done before the acknowledgement; what was refused is
// whispered.
func (c *Chat) tookOver(ctx context.Context, s submission) (map[string]string, later, error) {
	reason := strings.TrimSpace(s.values[render.ReasonBlock])
	switch {
	case commands.KeyShaped(reason):
		c.config.Log.Warn("a reason held something that looks like a secret value; it was refused", "user", s.user)
		return map[string]string{render.ReasonBlock: leakedWords}, nil, nil
	case reason == "":
		return map[string]string{render.ReasonBlock: "Say how you know: everybody who approves later reads it."}, nil, nil
	}
	r, step, err := c.stopped(ctx, s.private)
	switch {
	case err != nil:
		return nil, nil, err
	case r == nil:
		return map[string]string{render.ReasonBlock: notStopped}, nil, nil
	}
	return nil, func(ctx context.Context) error {
		return c.api.whisper(ctx, c.config.Channel, "", s.user, c.override(ctx, r, rotation.Override{Rotation: r.Key(), Step: step, Reason: reason}, s.user))
	}, nil
}

// override hands the word to the engine and says what came of it.
func (c *Chat) override(ctx context.Context, r *rotation.Rotation, o rotation.Override, user string) string {
	why, err := c.ballot.unfit(ctx, c.config.Channel)
	if err == nil && why != "" {
		return why
	}
	if err == nil {
		o.By, o.Standing, err = c.decider(ctx, r.Secret, user)
	}
	if err == nil {
		_, err = c.engine.Override(ctx, o)
	}
	var refusal *rotation.Refusal
	switch {
	case err == nil:
		c.config.Log.Info("a proof was taken over", "rotation", r.ID, "step", o.Step, "user", user)
		return overrideDone
	case errors.As(err, &refusal):
		return refusal.Sentence
	default:
		c.config.Log.Warn("a proof was not taken over", "rotation", r.ID, "step", o.Step, "user", user, "error", err)
		return notTaken
	}
}

// decider is somebody with their standing as an approver of a secret.
func (c *Chat) decider(ctx context.Context, secret, user string) (rotation.Person, rotation.Standing, error) {
	k, err := c.people.look(ctx, user)
	if err != nil {
		return rotation.Person{}, rotation.Standing{}, err
	}
	approver, err := c.people.among(ctx, c.people.approvers(secret), append(k.ids, user))
	return k.person, rotation.Standing{Member: k.member, Why: k.why, Approver: approver}, err
}
