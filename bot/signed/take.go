package signed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/commands"
	"rekey/internal/sshsig"
	"rekey/rotation"
	"rekey/state"
)

// What is answered to a statement that is not taken. Whoever is not known learns
// nothing about what is here.
const (
	notRead   = "That is not a statement that Rekey can read. Nothing was done. Use the same version of rekey on both sides."
	notSigned = "The signature does not fit the statement and this installation. Nothing was done. Sign with --installation as the configuration has it."
	notKnown  = "The key that signed this is not among the allowed signers, or belongs to nobody in the configuration. Nothing was done."
	notHere   = "The statement is for another installation. Nothing was done."
	notNow    = "The statement is not of this moment: it has run out, lasts too long, or the clocks differ. Nothing was done. Sign another one."
	notAgain  = "This very statement was taken before; nothing was done again. `rekey status` shows what came of it."
	notTold   = "Rekey could not tell whether this statement may be taken, and the cause is in its log. Nothing was done. Try again in a moment."
	leaked    = "That looks like a secret value. It stands in a statement and perhaps in the history of a shell: treat it as leaked and rotate it. Nothing was done."
)

// refused says why a statement was not taken.
type refused struct {
	status int // of HTTP
	why    string
	cause  error // for the log
}

func (r *refused) Error() string { return r.why }
func (r *refused) Unwrap() error { return r.cause }

// admit finds out who signed a statement, and that it is fresh. A statement is
// admitted once.
func (d *Desk) admit(ctx context.Context, p Parcel) (Statement, known, *refused) {
	none := func(status int, why string, cause error) (Statement, known, *refused) {
		return Statement{}, known{}, &refused{status, why, cause}
	}
	signature, err := sshsig.Parse([]byte(p.Signature))
	if err != nil {
		return none(statusUnread, notRead, err)
	}
	if err := signature.Verify(Namespace(d.config.Installation), []byte(p.Statement)); err != nil {
		return none(statusForbidden, notSigned, err)
	}
	k, allowed, err := d.who(signature)
	switch {
	case err != nil:
		return none(statusUntold, notTold, err)
	case !allowed:
		return none(statusForbidden, notKnown, fmt.Errorf("key %s", signature.Fingerprint()))
	}
	s, err := Parse(p.Statement)
	switch now := time.Now(); {
	case err != nil:
		return none(statusUnread, notRead, err)
	case s.Installation != d.config.Installation:
		return none(statusForbidden, notHere, nil)
	case s.Issued.After(now.Add(d.config.Clock)), !now.Before(s.Expires), s.Expires.Sub(s.Issued) > d.config.Life:
		return none(statusForbidden, notNow, nil)
	}
	if why := d.elsewhere(); why != "" {
		return none(statusForbidden, why, nil)
	}
	first, err := d.config.Store.Once(ctx, "statement/"+s.Nonce, d.config.Life+d.config.Clock+time.Minute)
	switch {
	case err != nil:
		return none(statusUntold, notTold, err)
	case !first:
		return none(statusTaken, notAgain, nil)
	}
	return s, k, nil
}

// take does what a statement says.
func (d *Desk) take(ctx context.Context, p Parcel) (Answer, *refused) {
	s, k, no := d.admit(ctx, p)
	if no != nil {
		return Answer{}, no
	}
	// What was typed is not logged: people paste secrets.
	d.config.Log.Info("a signed statement was taken", "act", string(s.Act), "signer", k.name, "key", k.as.Key, "nonce", s.Nonce, "rotation", s.Rotation, "card", s.Card)
	if commands.KeyShaped(s.Line) || commands.KeyShaped(s.Reason) {
		return Answer{Title: "That looks like a secret value", Lines: []string{leaked}, Failed: true}, nil
	}
	var a Answer
	if s.Act.Decides() {
		a = d.decide(ctx, s, k, p)
	} else {
		a = d.ask(ctx, s, k)
	}
	if !d.config.Chat.Connected() {
		a.Chat = "Slack is not reached at the moment. Everything is kept, and told in the thread when it is back."
	}
	return a, nil
}

// ask hands what somebody wants to those who answer in Slack, too.
func (d *Desk) ask(ctx context.Context, s Statement, k known) Answer {
	if tag, several := commands.Several(s.Line); several && s.Act == Status {
		return d.table(ctx, tag)
	}
	q := commands.Request{
		Command: "/rotate", Text: s.Line, Person: k.as,
		Standing: rotation.Standing{Member: true, Starter: d.config.Roll.Starts(k.Person)},
	}
	switch s.Act {
	case Rotate:
	case Emergency:
		q.Command = commands.EmergencyCommand
	default:
		q.Text = strings.TrimSpace(string(s.Act) + " " + s.Line)
	}
	reply := d.answerer.Handle(ctx, q)
	if reply.Err != nil {
		d.config.Log.Warn("a statement was not carried out", "act", string(s.Act), "signer", k.name, "error", reply.Err)
	}
	if s.Act == Status {
		return d.status(ctx, answerOf(reply), s.Line)
	}
	return answerOf(reply)
}

// decide takes a word on what waits for people.
func (d *Desk) decide(ctx context.Context, s Statement, k known, p Parcel) Answer {
	switch {
	case s.Act == Override:
		return d.override(ctx, s, k, p)
	case s.Batch != "":
		return d.decideTogether(ctx, s, k, p)
	default:
		return d.decideOne(ctx, s, k, p)
	}
}

// decideOne keeps a decision, and has the request counted.
func (d *Desk) decideOne(ctx context.Context, s Statement, k known, p Parcel) Answer {
	r, err := d.engine.Load(ctx, "rotation/"+s.Rotation)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return declined("There is no such rotation. `rekey status` lists the requests that wait.")
	case err != nil:
		return d.failed(s, k, err)
	}
	if why := untaken(r, s); why != "" {
		return declined(why)
	}
	if err := d.keep(ctx, r.Key(), prefix(s.Card)+k.User, k, p); err != nil {
		return d.failed(s, k, err)
	}
	t, err := d.count(ctx, r, s.Card)
	if err != nil {
		d.config.Log.Warn("counting a signed decision; it is kept and counted later", "rotation", r.ID, "card", s.Card, "error", err)
		return Answer{Title: "Your decision is kept", Lines: []string{"It could not be counted just now; Rekey counts it by itself in a moment. `rekey status` shows what came of it."}}
	}
	return outcome(s, k, t)
}

// keep stores what somebody signed, sealed, under a name that is theirs.
func (d *Desk) keep(ctx context.Context, key, name string, k known, p Parcel) error {
	body, err := taken{Statement: p.Statement, Signature: p.Signature, User: k.User, At: time.Now()}.seal(d.config.Key)
	if err != nil {
		return err
	}
	return d.config.Store.Decide(ctx, key, name, body)
}

// count has everything that stands on a request counted, with what stands on the
// batch's where people were asked there.
func (d *Desk) count(ctx context.Context, r *rotation.Rotation, card int) (rotation.Tally, error) {
	if c := r.CardOf(card); c != nil && c.Together && r.Sheaf == nil {
		p, err := d.engine.Batch(ctx, r.Batch)
		if err != nil {
			return rotation.Tally{}, err
		}
		r.Sheaf = p.CardCovering(r)
	}
	marks, err := d.Ballot().Marks(ctx, r, card)
	if err != nil {
		return rotation.Tally{}, err
	}
	return d.engine.Consider(ctx, r.Key(), card, marks)
}

func (d *Desk) failed(s Statement, k known, err error) Answer {
	d.config.Log.Warn("a decision was not taken", "act", string(s.Act), "signer", k.name, "error", err)
	return Answer{Title: "That did not work", Lines: []string{"Rekey could not do that just now, and the cause is in its log. `rekey status` shows how things stand."}, Failed: true}
}

func declined(why string) Answer {
	return Answer{Title: "Nothing was done", Lines: []string{why}, Failed: true}
}

// untaken says why a request takes no such decision, or "". Until the end of the
// old key is under way a no is taken even after an approval.
func untaken(r *rotation.Rotation, s Statement) string {
	c := r.Card
	switch {
	case r.State.Final() || c == nil:
		return "This rotation asks for nothing. Nothing was done."
	case s.Card != c.Number || s.Secret != r.Secret || s.Plan != r.PlanHash || s.Evidence != c.Evidence:
		return "The statement is about a request that is no longer the one that is asked: things have changed since. Nothing was done. `rekey status " + r.Secret + "` shows the newest."
	case c.State == rotation.CardOpen:
		return beside(r, s)
	case c.State == rotation.CardApproved && s.Act == Deny && heard(r, c):
		return ""
	case c.State == rotation.CardApproved:
		return "This request was approved already, and what follows is under way. Nothing was done."
	default:
		return "This request is closed (" + string(c.State) + "). Nothing was done. `rekey retry " + r.Secret + "` asks again."
	}
}

// beside says why a word does not answer what a request asks, or "".
func beside(r *rotation.Rotation, s Statement) string {
	switch aboutVault := r.Card.About == rotation.AboutVault; {
	case aboutVault && s.Act == Approve:
		return "This request asks about the vault: `rekey vault-closed " + r.Secret + "`, or `rekey vault-not-leak " + r.Secret + "`. Nothing was done."
	case !aboutVault && s.Act.vault():
		return "This request does not ask about the vault. Nothing was done. `rekey status " + r.Secret + "` shows what it asks."
	default:
		return ""
	}
}

// heard reports that a no is in time after a yes: what it was about is not under
// way.
func heard(r *rotation.Rotation, c *rotation.Card) bool {
	if c.About == rotation.AboutVault {
		return !r.Wrote(rotation.Production)
	}
	return len(r.Ends) == 0 && !r.Replaced()
}

// outcome tells whoever decided what came of it.
func outcome(s Statement, k known, t rotation.Tally) Answer {
	for _, no := range t.Refused {
		if no.Person.ID == k.as.ID {
			return Answer{Title: "Your decision does not count", Lines: []string{no.Why}, Failed: true}
		}
	}
	switch t.State {
	case rotation.CardApproved:
		if s.Act.vault() {
			return Answer{Title: "Noted", Lines: []string{"Rekey looks once more whether that word stands, and has a new key made. `rekey status " + s.Secret + "` shows how it goes."}}
		}
		return Answer{Title: "Approved", Lines: []string{"Rekey looks once more at this approval, the vault and the running application, and then does what the request says. `rekey status " + s.Secret + "` shows how it goes."}}
	case rotation.CardDenied:
		if s.Act.vault() {
			return Answer{Title: "Your word is kept, and somebody said no", Lines: []string{"Nothing new is made before the vault is closed. `rekey retry " + s.Secret + "` asks again."}}
		}
		return Answer{Title: "Denied", Lines: []string{"Nothing was ended on this request. `rekey retry " + s.Secret + "` asks again, on a fresh proof."}}
	case rotation.CardOpen:
		return Answer{Title: "Your approval is counted", Lines: []string{"More approvers are needed before anything ends. `rekey deny " + s.Secret + "` takes it back."}}
	default:
		return declined("The request is closed (" + string(t.State) + "). `rekey status " + s.Secret + "` shows how things stand.")
	}
}

// Settle counts decisions that a replica kept and could not count, until ctx
// ends: those of a process that died in between, and those made while an act was
// under way.
func (d *Desk) Settle(ctx context.Context) error {
	tick := time.NewTicker(d.config.Every)
	defer tick.Stop()
	for {
		if err := d.settle(ctx); err != nil && ctx.Err() == nil {
			d.config.Log.Warn("looking for signed decisions; trying again later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Desk) settle(ctx context.Context) error {
	keys, err := d.config.Store.Decided(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, key := range keys {
		if rotation.IsBatch(key) {
			faults = append(faults, d.settleTogether(ctx, key))
			continue
		}
		r, err := d.engine.Load(ctx, key)
		if err != nil || r.Card == nil || r.Card.State != rotation.CardOpen {
			continue // what cannot be read is told by whoever drives it
		}
		signed, err := d.Signed(ctx, r, r.Card.Number)
		if err == nil && len(signed) > 0 {
			_, err = d.count(ctx, r, r.Card.Number)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
