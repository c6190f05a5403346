package command

import (
	"context"
	"fmt"
	"os/exec"

	"rekey/internal/fault"
	"rekey/internal/finding"
)

// Examine asks the status program about an id that nobody started, and looks
// whether the run program is there. That one is not run: it could deploy.
func (d *Deployer) Examine(ctx context.Context, environment string) []finding.Finding {
	looked := "Deploy target of " + environment
	answers := finding.Good(looked, "The status command answers.")
	if err := d.ready(ctx); err != nil {
		answers = finding.Failed(looked, err, "Run the status command by hand, with REKEY_REQUEST_ID=doctor-0 and nothing else in its environment: it must print none and end with 0.")
	}
	return []finding.Finding{answers, d.runnable(looked + ", run command")}
}

// ready asks about an id that nobody started.
func (d *Deployer) ready(ctx context.Context) error {
	a, err := d.ask(ctx, "doctor-0")
	if err == nil && a.word != unstarted {
		return &fault.Error{Op: "asking about an id that was never started", Reason: fault.Garbled, Err: a.said.Cause(),
			Detail: fmt.Sprintf("the status command must say %q to it and says something else", unstarted)}
	}
	return err
}

func (d *Deployer) runnable(looked string) finding.Finding {
	if _, err := exec.LookPath(d.config.Run[0]); err != nil {
		return finding.Bad(looked, "Its program is not there, or Rekey may not run it.", "Look at deploy.command.run: the file must exist and be executable by the user that Rekey runs as.")
	}
	return finding.Open(looked, "Its program is there and may be run. Whether it deploys was not tried.", "Watch the first deployment.")
}
