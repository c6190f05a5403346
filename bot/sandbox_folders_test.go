package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestSweepFolders(t *testing.T) {
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Skip("there is no program to have run: ", err)
	}
	temp := t.TempDir()
	make := func(name string) string {
		folder := filepath.Join(temp, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	left := make(fmt.Sprintf("%s%d-1", folderPrefix, ended.Process.Pid))
	kept := []string{
		make(fmt.Sprintf("%s%d-1", folderPrefix, os.Getpid())), // this process lives
		make(folderPrefix + "x-1"), make(folderPrefix + "-1"), make("other-1-1"),
	}
	sweepFolders(temp)
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the folder of a process that is gone is still there: %v", err)
	}
	for _, folder := range kept {
		if _, err := os.Stat(folder); err != nil {
			t.Errorf("a folder that is not ours to remove: %v", err)
		}
	}
}
