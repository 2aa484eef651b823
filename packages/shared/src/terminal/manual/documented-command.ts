/** commander's command with what it has no place for: examples, and the topics of the manual. */

import { Command } from 'commander';
import type { Topic } from './topic.js';

export interface Example {
  /** A whole command line, as typed. */
  readonly line: string;
  readonly says: string;
}

export class DocumentedCommand extends Command {
  readonly examples: Example[] = [];
  readonly topics: Topic[] = [];

  constructor(name?: string) {
    super(name);
    // One help command, the program's, is enough.
    this.helpCommand(false);
  }

  override createCommand(name?: string): DocumentedCommand {
    return new DocumentedCommand(name);
  }

  example(line: string, says: string): this {
    this.examples.push({ line, says });
    return this;
  }

  topic(topic: Topic): this {
    this.topics.push(topic);
    return this;
  }
}
