#!/usr/bin/env node
import '../dist/bundle/agent.js';
