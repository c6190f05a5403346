package signed

import (
	"context"
	"errors"

	"rekey/internal/sshsig"
	"rekey/rotation"
	"rekey/state"
)

// override takes somebody's word in the place of a proof that cannot be had. What
// they signed is kept, sealed, before it is acted on; and who they are is asked
// again, of the file as it is then, right before their word is taken.
func (d *Desk) override(ctx context.Context, s Statement, k known, p Parcel) Answer {
	r, err := d.engine.Load(ctx, "rotation/"+s.Rotation)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return declined("There is no such rotation. `rekey status` lists what waits.")
	case err != nil:
		return d.failed(s, k, err)
	}
	if why := unstopped(r, s); why != "" {
		return declined(why)
	}
	if err := d.keep(ctx, r.Key(), "override/"+s.Step+"/"+k.User, k, p); err != nil {
		return d.failed(s, k, err)
	}
	o := rotation.Override{
		Rotation: r.Key(), Step: s.Step, Plan: s.Plan, Stop: s.Evidence, Reason: s.Reason, Path: Path,
		By: k.as, Standing: d.standing(k, r.Secret),
		Still: func(context.Context) (rotation.Person, rotation.Standing, error) { return d.again(p, k, r.Secret) },
	}
	_, err = d.engine.Override(ctx, o)
	var refusal *rotation.Refusal
	switch {
	case err == nil:
		return Answer{Title: "Taken", Lines: []string{"Rekey goes on without that proof. Your name and your reason stand on every later request. `rekey status " + s.Secret + "` shows how it goes."}}
	case errors.As(err, &refusal):
		return declined(Here(refusal.Sentence))
	default:
		return d.failed(s, k, err)
	}
}

// unstopped says why a rotation takes no such word, or "".
func unstopped(r *rotation.Rotation, s Statement) string {
	switch {
	case !r.Overridable():
		return "This rotation waits for nobody's word in the place of a proof. Nothing was done. `rekey status " + r.Secret + "` shows how it stands."
	case s.Secret != r.Secret || s.Step != r.Problem.Step || s.Plan != r.PlanHash || s.Evidence != r.StopHash():
		return "The statement is about a stop that is no longer the one there is: things have changed since. Nothing was done. `rekey status " + r.Secret + "` shows the newest."
	default:
		return ""
	}
}

// standing is what somebody whose key counts now may do about a secret.
func (d *Desk) standing(k known, secret string) rotation.Standing {
	return rotation.Standing{Member: true, Approver: d.config.Roll.Approves(k.Person, secret)}
}

// again finds out once more who signed, by the file as it is now. Somebody whose
// key is not allowed any more is nobody.
func (d *Desk) again(p Parcel, was known, secret string) (rotation.Person, rotation.Standing, error) {
	signature, err := sshsig.Parse([]byte(p.Signature))
	if err != nil {
		return was.as, rotation.Standing{}, err
	}
	k, allowed, err := d.who(signature)
	switch {
	case err != nil:
		return was.as, rotation.Standing{}, err
	case !allowed || k.User != was.User:
		return was.as, rotation.Standing{Why: "somebody whose key is not among the allowed signers"}, nil
	case d.elsewhere() != "":
		return was.as, rotation.Standing{Why: "a person of another workspace"}, nil
	default:
		return k.as, d.standing(k, secret), nil
	}
}

// stopsWaiting are the rotations that stopped at a proof that cannot be had.
func stopsWaiting(open []*rotation.Rotation) []Request {
	var all []Request
	for _, r := range open {
		if !r.Overridable() {
			continue
		}
		words := []string{r.Problem.What, "Safe: " + r.Problem.Safe, "May break: " + r.Risk()}
		if r.Cell.Mode == rotation.Routine {
			words = append(words, "Who may: an approver other than whoever asked for the rotation")
		}
		all = append(all, Request{
			Kind: AboutProof, As: r.Secret, Secret: r.Secret, Rotation: r.ID, Step: r.Problem.Step, Plan: r.PlanHash, Evidence: r.StopHash(),
			Words: append(words, "Asked for by: "+named(r.Requester), "Rekey tries once more first, and goes by what it finds"),
		})
	}
	return all
}
