"""Question answering: questions with contexts and accepted answers, their files, their splits. Trains nothing.

Start from `questions.Questions`.
"""
