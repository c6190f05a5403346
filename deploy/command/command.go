package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
)

// Config of a [Deployer]. Zero fields mean the defaults named.
type Config struct {
	Environment   string                           // that these programs deploy
	Run           []string                         // starts a deployment; an absolute path and its arguments
	Status        []string                         // tells how one is going; the same
	Folder        string                           // in which both run, default /
	Pass          []string                         // variables of this process that both may see
	Lookup        func(name string) (string, bool) // finds those; nil passes none on
	Timeout       time.Duration                    // of the run program, default 60 s
	StatusTimeout time.Duration                    // of the status program, default 15 s
	Grace         time.Duration                    // between asking a program to end and ending it, default 5 s
}

// Deployer deploys by two programs. It may be used by several goroutines.
type Deployer struct{ config Config }

// New checks the configuration and fills in the defaults. Whether the programs
// are there is found out by [Deployer.Examine].
func New(c Config) (*Deployer, error) {
	c.Folder = cmp.Or(c.Folder, "/")
	c.Timeout = cmp.Or(c.Timeout, time.Minute)
	c.StatusTimeout = cmp.Or(c.StatusTimeout, 15*time.Second)
	c.Grace = cmp.Or(c.Grace, 5*time.Second)
	switch {
	case len(c.Run) == 0 || !filepath.IsAbs(c.Run[0]):
		return nil, errors.New("command: run must begin with the absolute path of a program")
	case len(c.Status) == 0 || !filepath.IsAbs(c.Status[0]):
		return nil, errors.New("command: status must begin with the absolute path of a program")
	case !filepath.IsAbs(c.Folder):
		return nil, errors.New("command: folder must be an absolute path")
	case c.Timeout < 0 || c.StatusTimeout < 0 || c.Grace < 0:
		return nil, errors.New("command: limits must not be negative")
	}
	for _, name := range c.Pass {
		if strings.HasPrefix(name, prefix) {
			return nil, fmt.Errorf("command: variables that begin with %s are the deployer's own", prefix)
		}
	}
	return &Deployer{c}, nil
}

// prefix begins the names of the variables that a program is told by.
const prefix = "REKEY_"

// place begins the status address of a handle. There is one, so that a
// deployment of which nobody knows anything is not taken for one that cannot
// be followed.
const place = "command:"

// temporary is the exit code of a run program that has started nothing, for a
// reason that passes: EX_TEMPFAIL of sysexits.h.
const temporary = 75

// Trigger asks whether the id was started before and, if not, runs the
// program. fault.Lost means that it was cut short; asking again is then safe.
func (d *Deployer) Trigger(ctx context.Context, r deploy.Request) (deploy.Handle, error) {
	op := "starting a deployment of " + r.Environment
	if r.ID == "" {
		return deploy.Handle{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "the request has no id"}
	}
	handle := deploy.Handle{ID: r.ID, StatusURL: place + r.ID}
	known, err := d.ask(ctx, r.ID)
	if err != nil {
		return deploy.Handle{}, err
	}
	switch known.word {
	case unstarted:
	case "":
		return deploy.Handle{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Garbled, Err: known.said.Cause(),
			Detail: "the status command names a state that is not in the contract, so it cannot be told whether this deployment was started; nothing was started"}
	default:
		return handle, nil
	}
	told := []string{
		"REKEY_REQUEST_ID=" + r.ID, "REKEY_ENVIRONMENT=" + r.Environment, "REKEY_REASON=" + r.Reason,
		"REKEY_SECRETS=" + strings.Join(r.Secrets, " "), "REKEY_REQUESTED_BY=" + r.RequestedBy, "REKEY_ATTEMPT=" + strconv.Itoa(r.Attempt),
	}
	if r.Rebuild {
		told = append(told, "REKEY_REBUILD=true")
	}
	end, err := d.start(ctx, d.config.Run, d.config.Timeout, told)
	if err != nil {
		return deploy.Handle{}, unstartable(op, err)
	}
	return handle, started(ctx, op, end)
}

// started judges how a run program ended; nil means that it did its work.
func started(ctx context.Context, op string, e ending) error {
	switch {
	case e.cut && ctx.Err() != nil:
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Interrupted, Err: context.Cause(ctx)}
	case e.cut:
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.TimedOut, Detail: "the command did not end in time and was ended"}
	case e.code < 0:
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Unexplained, Detail: "the command was ended by somebody else"}
	case e.code == temporary:
		return &fault.Error{Op: op, Class: fault.Again, Reason: fault.ServerError, Detail: "the command asks to be run again later (exit 75)", Err: e.said().Cause()}
	case e.code != 0:
		return &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Invalid, Detail: fmt.Sprintf("the command ended with %d", e.code), Err: e.said().Cause()}
	default:
		return nil
	}
}

// unstartable is a program that could not be started at all.
func unstartable(op string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &fault.Error{Op: op, Class: fault.Again, Reason: fault.Interrupted, Err: err}
	}
	return &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Invalid, Detail: "the command could not be started", Err: err}
}
