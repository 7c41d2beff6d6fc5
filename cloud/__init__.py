"""Zhanggui hub: takes in the facts of every store, keeps them, and shows HQ what they say."""

VERSION = "0.1.0"
