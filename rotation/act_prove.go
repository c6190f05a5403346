package rotation

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// prove takes the life certificate of an environment, trying again until the
// time for it is over.
func (w *run) prove(ctx context.Context, env string) (outcome, error) {
	cert, err := w.certify(ctx, env)
	if err == nil {
		w.certified(env, cert)
		err = w.either(ctx, env)
	}
	switch {
	case err == nil && w.r.deployFirst():
		return finished(w.accepts(env, cert))
	case err == nil:
		w.closeGap(env)
		if cert.Kind == Overridden {
			return finished(title(env) + " was deployed; " + cert.Affected + ".")
		}
		d := w.r.Deploys[env]
		return finished(fmt.Sprintf("%s runs on %s: %s, %s. Deployed in %s.", title(env), w.r.serves(env).Brief(), cert.said(), cert.Affected, human(d.Live.Sub(d.Triggered))))
	}
	return w.unproved(err)
}

func title(env string) string {
	if env == Production {
		return "Production"
	}
	return "Staging"
}

func (w *run) certified(env string, c Certificate) {
	if w.r.Proofs == nil {
		w.r.Proofs = make(map[string]Certificate)
	}
	w.r.Proofs[env] = c
	if d := w.r.Deploys[env]; d.Name != c.Deployment && c.Deployment != "" {
		d.Name = c.Deployment // ours had no name, or a colleague's newer one proves the new credential
		if w.r.Deploys == nil {
			w.r.Deploys = make(map[string]Deployment)
		}
		w.r.Deploys[env] = d
	}
}

// witness asks the running application and the secret's own check. It is
// taken after each deployment, before a card, and again before an end. Where it
// fails without anything speaking against the new credential, that is noted.
func (w *run) witness(ctx context.Context, env string) (Certificate, error) {
	w.untold = false
	place := w.r.Places[env]
	current, err := w.expect(ctx, env, place.holds())
	if err != nil {
		return Certificate{}, err
	}
	old, err := w.byVersion(ctx, env, place.replaced())
	if err != nil {
		return Certificate{}, err
	}
	heard, err := w.attest(ctx, env, current, old)
	if err != nil {
		w.untold = heard.Old+heard.Other == 0
		return Certificate{}, err
	}
	words, err := w.affected(ctx, env)
	if err != nil {
		w.untold = fault.Is(err, fault.CannotMeasure)
		return Certificate{}, err
	}
	return Certificate{
		Kind: cmp.Or(heard.Kind, deploy.ByWord), At: time.Now(), Deployment: heard.Deployment, Instances: len(heard.Instances), Answers: heard.New,
		Affected: words, Fingerprint: w.e.fingerprint(valuesOf(current)),
	}, nil
}

// said is who or what gave the certificate, and how often.
func (c Certificate) said() string {
	if c.Kind == Overridden {
		return "nobody said so"
	}
	if c.Kind == deploy.ByBundle {
		return "its page's scripts hold it and no longer the old one, on " + counted(c.Answers, "visit")
	}
	return counted(c.Instances, "instance") + " said so"
}

// attest asks the environment's application about every variable. The answer
// for the first one is returned, as a bundle's where one variable was found in
// one; all must agree. With an error comes what was answered.
func (w *run) attest(ctx context.Context, env string, current map[string]deploy.Entry, old providers.Values) (deploy.Testimony, error) {
	var first deploy.Testimony
	other := "old"
	if w.r.Cell.Mode == Rollback {
		other = "new"
	}
	for i, name := range w.subject.Variables {
		stale := secret.Value{}
		if old != nil {
			stale = old[name]
		}
		t, err := w.subject.Stages[env].Attester.Attest(ctx, name, current[name].Value, stale)
		if err != nil {
			return deploy.Testimony{}, err
		}
		if !t.Agreed {
			return t, &fault.Error{Op: "asking the application in " + env + " which " + name + " it uses", Class: fault.Again, Reason: fault.Unproved,
				Detail: fmt.Sprintf("%d answers for the value in the vault, %d for the %s one, %d for neither", t.New, t.Old, other, t.Other)}
		}
		if i == 0 {
			first = t
		}
		first.Deployment = cmp.Or(first.Deployment, t.Deployment)
		if t.Kind == deploy.ByBundle {
			first.Kind = t.Kind
		}
	}
	return first, nil
}

// affected runs the check that succeeds only if this credential works.
func (w *run) affected(ctx context.Context, env string) (string, error) {
	stage := w.subject.Stages[env]
	if stage.Affected == nil {
		return "no check of its own (" + stage.NoAffected + ")", nil
	}
	now := time.Now()
	m := stage.Affected.Measure(ctx, deploy.Window{From: now, To: now, Deployment: w.r.Deploys[env].Name, Signatures: w.r.Traits.Signatures})
	op := "asking " + env + " for something that needs this credential"
	switch m.Outcome {
	case deploy.OK:
		return "its own check passed", nil
	case deploy.Bad:
		return "", &fault.Error{Op: op, Class: fault.Again, Reason: fault.Failing, Detail: m.Detail, Err: m.Said.Cause()}
	default:
		return "", &fault.Error{Op: op, Class: fault.Again, Reason: fault.CannotMeasure, Detail: m.Detail, Err: m.Said.Cause()}
	}
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
